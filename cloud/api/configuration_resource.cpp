// Configs and secrets in v1, of the account or of one device: four collections with the same five handlers.
//
// Which collection it is stands in the path. A secret's value comes in and never goes out.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/form.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/paging.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

struct Collection {
  EntryPlace place;
  std::string path;  ///< as clients should name it, without the scheme and host
  [[nodiscard]] bool secret() const { return place.kind == EntryKind::Secret; }
  [[nodiscard]] const char* name() const { return secret() ? "secrets" : "configs"; }
};

Collection collection_of(const Services& services, const Call& call) {
  const auto segments = path_segments(call.request.target);  // routing has read them before
  const bool of_device = segments->at(1) == "Devices";
  const std::string& name = segments->at(of_device ? 3 : 1);
  Collection collection;
  collection.place.account_sid = call.account.sid;
  if (of_device) collection.place.device_sid = require_device(services, call).sid;
  collection.place.kind = name == "Secrets" ? EntryKind::Secret : EntryKind::Config;
  collection.path = (of_device ? "/v1/Devices/" + collection.place.device_sid : "/v1") + "/" + name;
  return collection;
}

Json view(const Collection& collection, const ConfigurationEntry& entry, const std::string& base) {
  Json view;
  if (!entry.place.device_sid.empty()) view["device_sid"] = entry.place.device_sid;
  view["key"] = entry.key;
  if (!collection.secret()) view["value"] = protocol::as_text(entry.value);
  view[collection.secret() ? "date_rotated" : "date_updated"] = iso_seconds(entry.changed);
  view["url"] = base + collection.path + "/" + percent_encode(entry.key);
  return view;
}

ApiError missing(const Collection& collection, const std::string& key) {
  return not_found("The requested resource " + collection.path.substr(3) + "/" + key + " was not found");
}

std::string required(const Parameters& form, std::string_view name) {
  const auto found = form.find(name);
  if (found == form.end()) throw bad_request(std::string(name) + " is missing");
  return found->second;
}

std::string value_of(const Parameters& form) {
  std::string value = required(form, "Value");
  if (!Values::is_value(value)) throw bad_request("Value has to be UTF-8 text of at most 4096 characters");
  return value;
}

}  // namespace

Answer list_entries(const Services& services, const Call& call) {
  const Collection collection = collection_of(services, call);
  const PageQuery query = parse_page_query(query_parameters(call.request.target));
  const Page<ConfigurationEntry> page = services.store.entries(collection.place, query.request);
  Json items = Json::array();
  for (const ConfigurationEntry& entry : page.items)
    items.push_back(view(collection, entry, call.request.base));
  const bool any = !page.items.empty();
  Json body;
  body[collection.name()] = std::move(items);
  body["meta"] = page_meta(query, call.request.base + collection.path, collection.name(),
                           page.has_newer && any, page.has_older && any,
                           any ? page.items.front().sequence : 0, any ? page.items.back().sequence : 0);
  return json_response(200, body);
}

Answer create_entry(const Services& services, const Call& call) {
  const Collection collection = collection_of(services, call);
  const Parameters form = read_form(call.request);
  const std::string key = required(form, "Key");
  if (!Values::is_key(key)) throw bad_request("Key has to be 1 to 100 printable ASCII characters");
  const auto created = services.values.create(collection.place, key, value_of(form));
  if (!created) throw conflict("Key " + key + " is in use already: update it instead");
  return json_response(201, view(collection, *created, call.request.base));
}

Answer fetch_entry(const Services& services, const Call& call) {
  const Collection collection = collection_of(services, call);
  const auto entry = services.store.entry(collection.place, call.arguments.back());
  if (!entry) throw missing(collection, call.arguments.back());
  return json_response(200, view(collection, *entry, call.request.base));
}

Answer update_entry(const Services& services, const Call& call) {
  const Collection collection = collection_of(services, call);
  const std::string& key = call.arguments.back();
  const auto changed = services.values.change(collection.place, key, value_of(read_form(call.request)));
  if (!changed) throw missing(collection, key);
  return json_response(200, view(collection, *changed, call.request.base));
}

Answer remove_entry(const Services& services, const Call& call) {
  const Collection collection = collection_of(services, call);
  if (!services.store.remove_entry(collection.place, call.arguments.back()))
    throw missing(collection, call.arguments.back());
  return no_content();
}

}  // namespace microvisor::cloud::api
