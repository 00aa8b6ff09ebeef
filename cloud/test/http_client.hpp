// An HTTP client for tests on plain sockets: exactly the bytes a test asks for, and everything that came
// back.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace microvisor::cloud::test {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// A connected TCP socket that closes itself. Reading gives up after 20 s, so that a test fails instead of
/// hanging.
class Socket {
 public:
  explicit Socket(std::uint16_t port);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  /// False if the other side is gone.
  bool send(const std::string& bytes) const;
  /// At most some KiB; empty at the end.
  [[nodiscard]] std::string receive() const;
  [[nodiscard]] int handle() const { return handle_; }

 private:
  int handle_;
};

class HttpClient {
 public:
  HttpClient(std::uint16_t port, std::string user, std::string password);

  [[nodiscard]] HttpReply get(const std::string& target) const { return request("GET", target, "", ""); }
  [[nodiscard]] HttpReply remove(const std::string& target) const {
    return request("DELETE", target, "", "");
  }
  HttpReply post_form(const std::string& target, const std::string& form) const {
    return request("POST", target, "application/x-www-form-urlencoded", form);
  }
  [[nodiscard]] HttpReply post_json(const std::string& target, const nlohmann::json& body) const {
    return request("POST", target, "application/json", body.dump());
  }
  [[nodiscard]] HttpReply upload(const std::string& bundle, const std::string& unique_name = "") const;
  [[nodiscard]] HttpReply request(const std::string& method, const std::string& target,
                                  const std::string& type, const std::string& body) const;
  /// Head of a request with credentials, without the empty line at its end.
  [[nodiscard]] std::string head(const std::string& method, const std::string& target) const;

  std::uint16_t port;
  std::string user;
  std::string password;
};

HttpReply read_reply(const Socket& socket);

/// The lines of a chunked stream as they come.
class LineStream {
 public:
  LineStream(const HttpClient& client, const std::string& target);
  [[nodiscard]] int status() const { return status_; }
  /// The next line that is not empty; empty at the end of the stream.
  std::string next();
  nlohmann::json next_json() { return nlohmann::json::parse(next()); }

 private:
  bool read_more();
  Socket socket_;
  int status_ = 0;
  std::string raw_;
  std::string text_;
};

}  // namespace microvisor::cloud::test
