// Page URLs carry everything a client needs to go on, because clients follow them verbatim.
#include "cloud/api/paging.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/api/form.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr std::uint64_t kMaxPageSize = 1000;
constexpr std::uint64_t kMaxPage = 1'000'000;

std::string page_url(const std::string& url, std::size_t size, std::uint64_t page, const std::string& token) {
  std::string text = url + "?PageSize=" + std::to_string(size) + "&Page=" + std::to_string(page);
  if (!token.empty()) text += "&PageToken=" + percent_encode(token);
  return text;
}

}  // namespace

PageQuery parse_page_query(const Parameters& query) {
  PageQuery result;
  if (const auto size = query.find("PageSize"); size != query.end()) {
    result.page_size = parse_number("PageSize", size->second, 1, kMaxPageSize);
  }
  if (const auto page = query.find("Page"); page != query.end()) {
    result.page = parse_number("Page", page->second, 0, kMaxPage);
  }
  result.request.limit = result.page_size;
  const auto token = query.find("PageToken");
  if (token == query.end() || token->second.empty()) {
    // Clients are not meant to count pages themselves, but those that do get what they expect.
    result.request.offset = result.page * result.page_size;
    return result;
  }
  result.token = token->second;
  const char kind = result.token[0];
  if (kind != 'a' && kind != 'b') throw bad_request("PageToken is not one that this server has issued");
  const auto place =
      static_cast<std::int64_t>(parse_number("PageToken", result.token.substr(1), 0, INT64_MAX));
  (kind == 'b' ? result.request.before : result.request.after) = place;
  return result;
}

nlohmann::ordered_json page_meta(const PageQuery& query, const std::string& url, const std::string& key,
                                 bool has_newer, bool has_older, std::int64_t newest, std::int64_t oldest) {
  nlohmann::ordered_json meta;
  meta["page"] = query.page;
  meta["page_size"] = query.page_size;
  meta["first_page_url"] = page_url(url, query.page_size, 0, "");
  meta["previous_page_url"] = nullptr;
  if (has_newer) {
    meta["previous_page_url"] =
        page_url(url, query.page_size, query.page == 0 ? 0 : query.page - 1, "a" + std::to_string(newest));
  }
  meta["url"] = page_url(url, query.page_size, query.page, query.token);
  meta["next_page_url"] = nullptr;
  if (has_older) {
    meta["next_page_url"] = page_url(url, query.page_size, query.page + 1, "b" + std::to_string(oldest));
  }
  meta["key"] = key;
  return meta;
}

}  // namespace microvisor::cloud::api
