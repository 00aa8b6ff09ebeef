// Options of libcurl, each with the reason why it is not the default.
#include "cloud/relay/http_exchange.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <new>
#include <utility>

namespace microvisor::cloud {
namespace {

void append(CurlList& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

}  // namespace

HttpExchange::HttpExchange(HttpJob job, const RelayPolicy& policy, unsigned redirects, Moment deadline)
    : job_(std::move(job)),
      policy_(policy),
      redirects_left_(redirects),
      deadline_(deadline),
      curl_(curl_easy_init()) {
  if (!curl_) throw std::bad_alloc();
}

bool HttpExchange::fail(std::string refused) {
  outcome_.result = HttpResult::RequestFailed;
  outcome_.refused = std::move(refused);
  return false;
}

bool HttpExchange::begin(Moment now) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - now);
  if (left.count() <= 0) return fail();
  const HttpUrl& url = job_.order.url;
  if (!job_.hosts.allows(url.host(), url.port()))
    return fail(url.authority() + " is not on the account's list of hosts");
  reader_.emplace(job_.limit, job_.order.method == "HEAD");
  verdict_ = Verdict::GoOn;
  address_refused_ = false;
  set_up(left);
  return true;
}

bool HttpExchange::finished(CURLcode code, Moment now) {
  if (verdict_ == Verdict::Redirect) {
    if (redirects_left_ == 0) return fail();
    --redirects_left_;
    if (!follow_redirect(job_.order, reader_->status(), reader_->location())) return fail();
    return begin(now);
  }
  if (verdict_ == Verdict::TooLarge) {
    outcome_.result = HttpResult::ResponseTooLarge;
    return false;
  }
  // The address itself is not told: it would say what the cloud's own name servers know.
  if (code != CURLE_OK && address_refused_ && reader_->status() == 0)
    return fail(job_.order.url.authority() + " has no address on the public internet");
  if (code != CURLE_OK || verdict_ != Verdict::GoOn || !reader_->complete()) return fail();
  outcome_.result = HttpResult::Ok;
  outcome_.response = reader_->take();
  return false;
}

void HttpExchange::set_up(std::chrono::milliseconds time_left) {
  CURL* curl = curl_.get();
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_CURLU, job_.order.url.handle());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(time_left.count()));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A proxy of the environment's would be what is connected to, and judged, in place of the server.
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  // Otherwise a transfer that is given up would wait for the name server, and all others with it.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  // One connection for one request: see above.
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  // Who is trusted stands in the policy's store, which on_tls() puts in place.
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
  set_route();
  set_method();
  set_headers();
  set_callbacks();
}

/// An address that the operator has named goes past name resolution; TLS and the request still say the host.
void HttpExchange::set_route() {
  const HttpUrl& url = job_.order.url;
  const RelayResolution* named = policy_.resolution(url.host(), url.port());
  if (named == nullptr) return;
  const std::string address = to_text(named->address);
  const std::string route = url.host() + ":" + std::to_string(url.port()) + ":" +
                            (named->address.v6 ? "[" + address + "]" : address) + ":" +
                            std::to_string(named->address_port);
  route_.reset();
  append(route_, route);
  curl_easy_setopt(curl_.get(), CURLOPT_CONNECT_TO, route_.get());
}

void HttpExchange::set_method() {
  CURL* curl = curl_.get();
  const HttpOrder& order = job_.order;
  if (order.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  const bool expects_body = order.method == "POST" || order.method == "PUT" || order.method == "PATCH";
  if (expects_body || !order.body.empty()) {  // an empty one is announced where one is expected
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, order.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(order.body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, order.method.c_str());
}

void HttpExchange::set_headers() {
  headers_.reset();
  bool has_type = false;
  for (const HttpHeader& header : job_.order.headers) {
    // For libcurl "Name:" takes a header away, and "Name;" is one without a value.
    append(headers_, header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
    has_type = has_type || same_name(header.name, "Content-Type");
  }
  if (!has_type) append(headers_, "Content-Type:");  // libcurl's own would be a form's
  append(headers_, "Expect:");
  curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void HttpExchange::set_callbacks() {
  CURL* curl = curl_.get();
  curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &HttpExchange::on_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, &HttpExchange::on_tls);
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, this);
}

/// Another length than was given ends the transfer.
std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.verdict_ = exchange.reader_->header({data, size * count});
  return exchange.verdict_ == Verdict::GoOn ? size * count : 0;
}

std::size_t HttpExchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  exchange.verdict_ = exchange.reader_->body({data, size * count});
  return exchange.verdict_ == Verdict::GoOn ? size * count : 0;
}

/// The gate: whatever a name has been resolved to, this is the address that connect() gets.
curl_socket_t HttpExchange::on_socket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  const HttpUrl& url = exchange.job_.order.url;
  if (!exchange.policy_.may_connect(url.host(), url.port(), address->addr)) {
    exchange.address_refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

CURLcode HttpExchange::on_tls(CURL* /*curl*/, void* context, void* self) {
  SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context),
                          static_cast<HttpExchange*>(self)->policy_.authorities());
  return CURLE_OK;
}

}  // namespace microvisor::cloud
