// libcurl behind client.hpp: one handle, set up anew for each request; whoever does not want to go on ends
// the transfer from inside a callback.
#include "cli/client.hpp"

#include <curl/curl.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/failure.hpp"

namespace microvisor::cli {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// A server that moves no byte for so long is not ours, or gone: even a log stream with nothing to say sends
/// an empty line every 15 s.
constexpr std::chrono::seconds kLongestSilence{40};

struct Client::Handle {
  Handle() : curl(curl_easy_init()) {
    if (curl == nullptr) throw Failure("cannot start the HTTP client");
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  CURL* curl;
};

/// One request: what to send, and where the answer goes.
struct Client::Transfer {
  struct ListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  std::string method = "GET";
  std::string body;
  std::unique_ptr<curl_slist, ListFree> headers;
  curl_mime* mime = nullptr;
  std::function<void(std::size_t, std::size_t)> progress;
  std::function<bool(const json&)> on_line;
  std::function<bool()> keep_going;

  std::string answer;
  bool ended_by_us = false;
  bool silent = false;
  std::size_t moved = 0;
  Clock::time_point last_moved = Clock::now();
  CURL* curl = nullptr;

  void set_body(const char* content_type, std::string content) {
    headers.reset(curl_slist_append(nullptr, content_type));
    body = std::move(content);
  }
  [[nodiscard]] long status() const {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  // What curl calls; false ends the transfer.
  bool receive(std::string_view data) {
    answer.append(data);
    if (on_line && status() < 400 && !consume_lines()) ended_by_us = true;
    return !ended_by_us;
  }
  bool advance(std::size_t sent, std::size_t total) {
    if (progress && total > 0) progress(sent, total);
    if (keep_going && !keep_going()) ended_by_us = true;
    return !ended_by_us;
  }
  /// `bytes`: sent and received so far. False when nothing has moved for too long.
  bool listen(std::size_t bytes) {
    if (bytes != moved) {
      moved = bytes;
      last_moved = Clock::now();
    }
    silent = Clock::now() - last_moved > kLongestSilence;
    return !silent;
  }

 private:
  bool consume_lines();
};

namespace {

/// The line a person reads for an HTTP status of 400 and above.
std::string refusal(long status, const std::string& body) {
  const json document = json::parse(body, nullptr, false);
  if (document.is_object() && document.contains("message") && document["message"].is_string()) {
    std::string line = "the server refused: " + document["message"].get<std::string>();
    if (document.contains("code") && document["code"].is_number_integer()) {
      line += " (" + std::to_string(document["code"].get<long>()) + ")";
    }
    return line;
  }
  return "the server answered with HTTP status " + std::to_string(status);
}

json parse_body(const std::string& body) {
  if (body.empty()) return json::object();
  json document = json::parse(body, nullptr, false);
  if (document.is_discarded()) throw Failure("the server's answer is not JSON; is the base URL right?");
  return document;
}

}  // namespace

bool Client::Transfer::consume_lines() {
  std::size_t end = 0;
  while ((end = answer.find('\n')) != std::string::npos) {
    const json record = json::parse(std::string_view(answer).substr(0, end), nullptr, false);
    answer.erase(0, end + 1);
    if (!record.is_object()) continue;  // an empty line keeps the connection alive
    if (!on_line(record)) return false;
  }
  return true;
}

Client::Client(Credentials credentials)
    : credentials_(std::move(credentials)), handle_(std::make_unique<Handle>()) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

std::string Client::url(const std::string& path) const { return credentials_.base_url + path; }

std::string Client::escape(const std::string& segment) {
  char* escaped = curl_easy_escape(nullptr, segment.c_str(), static_cast<int>(segment.size()));
  if (escaped == nullptr) throw Failure("out of memory");
  std::string result(escaped);
  curl_free(escaped);
  return result;
}

void Client::set_request(const Transfer& transfer, const std::string& address) {
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);  // a key may be ".."
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(curl, CURLOPT_USERNAME, credentials_.account_sid.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials_.auth_token.c_str());
  if (transfer.method != "GET" && transfer.mime == nullptr) {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer.method.c_str());
  }
  if (transfer.headers) {
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer.headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer.body.data());
  }
  if (transfer.mime != nullptr) curl_easy_setopt(curl, CURLOPT_MIMEPOST, transfer.mime);
}

void Client::set_callbacks(Transfer& transfer) {
  CURL* curl = handle_->curl;
  transfer.curl = curl;
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION,
      +[](char* data, std::size_t size, std::size_t count, void* user) -> std::size_t {
        return static_cast<Transfer*>(user)->receive({data, size * count}) ? size * count : 0;
      });
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(
      curl, CURLOPT_XFERINFOFUNCTION,
      +[](void* user, curl_off_t, curl_off_t received, curl_off_t total, curl_off_t sent) -> int {
        auto& self = *static_cast<Transfer*>(user);
        const bool go_on = self.advance(static_cast<std::size_t>(sent), static_cast<std::size_t>(total)) &&
                           self.listen(static_cast<std::size_t>(sent + received));
        return go_on ? 0 : 1;
      });
}

std::string Client::perform(Transfer& transfer, const std::string& address) {
  set_request(transfer, address);
  set_callbacks(transfer);
  const CURLcode code = curl_easy_perform(handle_->curl);
  if (transfer.ended_by_us) return {};
  if (transfer.silent) throw Failure("cannot reach " + credentials_.base_url + ": it does not answer");
  if (code != CURLE_OK) {
    throw Failure("cannot reach " + credentials_.base_url + ": " + curl_easy_strerror(code));
  }
  const long status = transfer.status();
  if (status >= 400) throw Refusal(status, refusal(status, transfer.answer));
  return std::move(transfer.answer);
}

std::string Client::download(const std::string& path) {
  Transfer transfer;
  return perform(transfer, url(path));
}

json Client::get(const std::string& path) {
  Transfer transfer;
  return parse_body(perform(transfer, url(path)));
}

json Client::get_all(const std::string& path, const std::string& key) {
  json all = json::array();
  std::string next = url(path);
  while (!next.empty()) {
    Transfer transfer;
    const json page = parse_body(perform(transfer, next));
    for (const auto& element : page.at(key)) all.push_back(element);
    const json& link = page.at("meta").at("next_page_url");
    next = link.is_string() ? link.get<std::string>() : std::string();
  }
  return all;
}

json Client::post_form(const std::string& path, const Form& form) {
  Transfer transfer;
  transfer.method = "POST";
  std::string content;
  for (const auto& [name, value] : form) {
    if (!content.empty()) content += '&';
    content += escape(name) + '=' + escape(value);
  }
  transfer.set_body("Content-Type: application/x-www-form-urlencoded", std::move(content));
  return parse_body(perform(transfer, url(path)));
}

json Client::post_json(const std::string& path, const json& body) {
  Transfer transfer;
  transfer.method = "POST";
  transfer.set_body("Content-Type: application/json", body.dump());
  return parse_body(perform(transfer, url(path)));
}

json Client::upload(const std::string& path, const std::string& file_bytes, const std::string& unique_name,
                    const std::function<void(std::size_t, std::size_t)>& progress) {
  const std::unique_ptr<curl_mime, void (*)(curl_mime*)> mime(curl_mime_init(handle_->curl), curl_mime_free);
  curl_mimepart* file = curl_mime_addpart(mime.get());
  curl_mime_name(file, "File");
  curl_mime_filename(file, "bundle.zip");
  curl_mime_type(file, "application/zip");
  curl_mime_data(file, file_bytes.data(), file_bytes.size());
  if (!unique_name.empty()) {
    curl_mimepart* name = curl_mime_addpart(mime.get());
    curl_mime_name(name, "UniqueName");
    curl_mime_data(name, unique_name.data(), unique_name.size());
  }
  Transfer transfer;
  transfer.method = "POST";
  transfer.mime = mime.get();
  transfer.progress = progress;
  return parse_body(perform(transfer, url(path)));
}

void Client::remove(const std::string& path) {
  Transfer transfer;
  transfer.method = "DELETE";
  perform(transfer, url(path));
}

void Client::stream(const std::string& path, const std::function<bool(const json&)>& on_line,
                    const std::function<bool()>& keep_going) {
  Transfer transfer;
  transfer.on_line = on_line;
  transfer.keep_going = keep_going;
  perform(transfer, url(path));
}

}  // namespace microvisor::cli
