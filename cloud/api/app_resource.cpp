// Apps: upload, list, fetch, manifest, delete; and the signed bundle, for factories.
#include <nlohmann/json.hpp>

#include "cloud/accounts/sid.hpp"
#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "cloud/api/multipart.hpp"
#include "cloud/api/paging.hpp"
#include "protocol/bundle/bundle.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr std::size_t kMaxUniqueName = 255;

/// The bundle with the signature of one of the account's signers: as it came if it bears one, else signed
/// now.
protocol::Bundle signed_bundle(const Services& services, const Account& account, protocol::Bundle bundle) {
  const auto signers = services.signers.state(account).keys;
  if (bundle.info.signer_id != 0) {
    for (const protocol::PublicKey& signer : signers) {
      if (protocol::is_signed_by(bundle.info, signer)) return bundle;
    }
    throw bad_request("File: the bundle is signed, but by none of the account's signers");
  }
  const auto key = services.accounts.owner_key(account);
  if (std::find(signers.begin(), signers.end(), key.public_key()) == signers.end()) {
    throw bad_request("File: the bundle is not signed, and the account's own key is not a signer any more");
  }
  auto result = protocol::sign_bundle(std::move(bundle), key);
  if (!result) refuse_bundle(result.error());
  return std::move(*result);
}

}  // namespace

Upload read_upload(const Request& request) {
  const auto boundary = multipart_boundary(request.content_type);
  if (!boundary)
    throw ApiError{415, 20415, "The upload has to be multipart/form-data with a part named File"};
  const auto parts = parse_multipart(request.body, *boundary);
  if (!parts) throw bad_request("The multipart body is not well-formed");
  Upload upload;
  bool found = false;
  for (const Part& part : *parts) {
    if (part.name == "File") {
      upload.file = part.content;
      found = true;
    } else if (part.name == "UniqueName" && !part.content.empty()) {
      upload.unique_name = std::string(part.content);
    }
  }
  if (!found) throw bad_request("File is missing: the part that carries the bundle");
  return upload;
}

[[noreturn]] void refuse_bundle(const protocol::Failure& failure) {
  const bool large = failure.refusal == protocol::Refusal::UploadTooLarge;
  throw ApiError{large ? 413 : 400, large ? 20413 : 20001, "File: " + failure.message};
}

void check_unique_name(const std::string& name, std::string_view prefix) {
  const bool printable =
      std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.empty() || name.size() > kMaxUniqueName || !printable || clean_text(name) != name) {
    throw bad_request("UniqueName has to be 1 to 255 printable characters");
  }
  if (is_sid(prefix, name)) throw bad_request("UniqueName must not look like a SID");
}

App require_app(const Services& services, const Call& call) {
  const std::string& name = call.arguments.at(0);
  auto app = services.store.app(call.account.sid, is_sid(kAppPrefix, name) ? lower_sid(name) : name);
  if (!app) throw not_found("The requested resource /Apps/" + name + " was not found");
  return std::move(*app);
}

Answer list_apps(const Services& services, const Call& call) {
  const PageQuery query = parse_page_query(query_parameters(call.request.target));
  const Page<App> page = services.store.apps(call.account.sid, query.request);
  nlohmann::ordered_json body;
  body["apps"] = nlohmann::ordered_json::array();
  for (const App& app : page.items) body["apps"].push_back(view_app(app, call.request.base));
  const bool any = !page.items.empty();
  body["meta"] =
      page_meta(query, call.request.base + "/v1/Apps", "apps", page.has_newer && any, page.has_older && any,
                any ? page.items.front().sequence : 0, any ? page.items.back().sequence : 0);
  return json_response(200, body);
}

Answer upload_app(const Services& services, const Call& call) {
  const Upload upload = read_upload(call.request);
  if (upload.unique_name) check_unique_name(*upload.unique_name, kAppPrefix);
  auto read = protocol::read_bundle(protocol::as_bytes(upload.file));
  if (!read) refuse_bundle(read.error());
  const protocol::Bundle bundle = signed_bundle(services, call.account, std::move(*read));

  App app;
  app.sid = make_sid(kAppPrefix);
  app.account_sid = call.account.sid;
  app.unique_name = upload.unique_name;
  app.manifest = bundle.manifest;
  app.manifest_hash = protocol::sha256(bundle.manifest);
  app.created = app.updated = services.clock.now();
  std::vector<std::pair<protocol::Hash, protocol::ByteView>> objects;
  for (const protocol::Layer& layer : bundle.layers) objects.emplace_back(layer.hash, layer.bytes);
  objects.emplace_back(app.manifest_hash, bundle.manifest);
  if (services.store.add_app(app, objects) != Insert::Done) {
    throw conflict("UniqueName " + *app.unique_name + " is in use by another App");
  }
  return json_response(201, view_app(app, call.request.base));
}

Answer fetch_app(const Services& services, const Call& call) {
  return json_response(200, view_app(require_app(services, call), call.request.base));
}

Answer remove_app(const Services& services, const Call& call) {
  services.store.remove_app(call.account.sid, require_app(services, call).sid);
  return no_content();
}

Answer fetch_manifest(const Services& services, const Call& call) {
  return json_response(200, view_manifest(require_app(services, call), call.request.base));
}

Answer download_bundle(const Services& services, const Call& call) {
  const App app = require_app(services, call);
  protocol::Bundle bundle;
  bundle.manifest = app.manifest;
  for (const protocol::Hash& hash : app.layers) {
    auto content = services.store.object(app.account_sid, hash);
    if (!content) throw StoreError("an object of app " + app.sid + " is missing");
    bundle.layers.push_back({hash, std::move(*content)});
  }
  const protocol::Bytes zip = protocol::write_bundle(bundle);
  Response response;
  response.body = std::string(protocol::as_text(zip));
  response.content_type = "application/zip";
  return response;
}

}  // namespace microvisor::cloud::api
