// A client of the REST API: JSON in, JSON out, every failure a Failure with one line, the server's a Refusal.
//
// Not thread-safe; each thread makes its own Client.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/credentials.hpp"
#include "cli/failure.hpp"

namespace microvisor::cli {

/// What the server answers with an HTTP status of 400 and above.
class Refusal : public Failure {
 public:
  Refusal(long status, const std::string& line) : Failure(line), status_(status) {}
  [[nodiscard]] long status() const { return status_; }

 private:
  long status_;
};

using Form = std::vector<std::pair<std::string, std::string>>;

class Client {
 public:
  explicit Client(Credentials credentials);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  [[nodiscard]] const Credentials& credentials() const { return credentials_; }

  nlohmann::json get(const std::string& path);
  /// The body as it comes, which is no JSON.
  std::string download(const std::string& path);
  /// All pages of a list: the elements of the array named `key`.
  nlohmann::json get_all(const std::string& path, const std::string& key);
  nlohmann::json post_form(const std::string& path, const Form& form);
  nlohmann::json post_json(const std::string& path, const nlohmann::json& body);
  /// multipart/form-data with the file part `File`. `progress` gets bytes sent and bytes in all.
  nlohmann::json upload(const std::string& path, const std::string& file_bytes,
                        const std::string& unique_name,
                        const std::function<void(std::size_t, std::size_t)>& progress);
  void remove(const std::string& path);
  /// Reads a stream of JSON lines until `on_line` returns false, `keep_going` does, or the server ends it.
  void stream(const std::string& path, const std::function<bool(const nlohmann::json&)>& on_line,
              const std::function<bool()>& keep_going);

  /// Percent-encodes one path segment.
  static std::string escape(const std::string& segment);

 private:
  struct Transfer;
  void set_request(const Transfer& transfer, const std::string& address);
  void set_callbacks(Transfer& transfer);
  std::string perform(Transfer& transfer, const std::string& address);
  [[nodiscard]] std::string url(const std::string& path) const;

  Credentials credentials_;
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace microvisor::cli
