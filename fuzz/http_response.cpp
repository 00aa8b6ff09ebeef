// A server's response, cut into lines and pieces anyhow. What is kept fits the device's buffer, its size is
// what it was said to be, and no line of it is two.
#include "cloud/relay/http_response.hpp"
#include "cloud/relay/http_request.hpp"
#include "fuzz/input.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
namespace cloud = microvisor::cloud;
namespace channel = microvisor::channel;
using Verdict = cloud::HttpResponseReader::Verdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::size_t limit = 16 + 64 * std::size_t{input.choose(64)};
  const bool head = input.choose(2) == 1;
  std::string_view rest(reinterpret_cast<const char*>(input.rest().data()), input.rest().size());
  cloud::HttpResponseReader reader(limit, head);
  Verdict verdict = Verdict::GoOn;
  // Lines up to the empty one that completes the last response; behind it the body, in pieces at line ends.
  while (!rest.empty() && verdict == Verdict::GoOn) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view piece = rest.substr(0, end);
    rest.remove_prefix(end);
    verdict = reader.complete() && !head ? reader.body(piece) : reader.header(piece);
  }
  if (verdict == Verdict::Redirect)
    require(cloud::is_redirect(reader.status()) && !reader.location().empty());
  if (verdict != Verdict::GoOn || !reader.complete()) return 0;
  const std::size_t said = reader.size();
  const channel::HttpResponse response = reader.take();
  require(said == 4 + response.ByteSizeLong() && said <= limit);
  require(response.header_count() == static_cast<std::uint32_t>(response.headers_size()));
  require(response.status_code() >= 200 && response.status_code() <= 999);
  for (const std::string& line : response.headers()) {
    require(line.find_first_of(std::string("\r\n\0", 3)) == std::string::npos);
    require(cloud::is_token(line.substr(0, line.find(':'))));
  }
  return 0;
}
