// Lists in pages: the query parameters, the `meta` object, and the tokens between them.
//
// A token names the place after (b) or before (a) which a page lies by sequence number, so that a client
// walking a list sees everything once although others add and remove.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cloud/api/http.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud::api {

struct PageQuery {
  std::uint64_t page = 0;
  std::size_t page_size = 50;
  std::string token;
  PageRequest request;
};

/// Bad requests: PageSize outside 1 to 1000, Page not a number, a token nobody issued.
PageQuery parse_page_query(const Parameters& query);

/// The envelope's `meta`. `url` is the list's without a query; `newest` and `oldest` are sequence numbers of
/// the page's first and last item.
nlohmann::ordered_json page_meta(const PageQuery& query, const std::string& url, const std::string& key,
                                 bool has_newer, bool has_older, std::int64_t newest, std::int64_t oldest);

}  // namespace microvisor::cloud::api
