// Apps and releases of Microvisor, with their objects (layers and signed manifests).
//
// An object is kept once, by its hash; app_objects and kernel_objects say who refers to which, and one that
// nobody refers to goes. All in one transaction.
#include "cloud/store/sqlite_store.hpp"

namespace microvisor::cloud {
namespace {

const std::string kAppColumns = "sequence, sid, account_sid, unique_name, manifest_hash, created, updated";

App read_app(Statement& row) {
  App app;
  app.sequence = row.integer();
  app.sid = row.text();
  app.account_sid = row.text();
  app.unique_name = row.optional_text();
  app.manifest_hash = row.hash();
  app.created = row.integer();
  app.updated = row.integer();
  return app;
}

}  // namespace

Insert SqliteStore::add_app(const App& app, const Objects& objects) {
  Transaction transaction(database_);
  const auto outcome = database_
                           .prepare(
                               "INSERT INTO apps (sid, account_sid, unique_name, manifest_hash, created, "
                               "updated) VALUES (?, ?, ?, ?, ?, ?)")
                           .bind(std::string_view(app.sid))
                           .bind(std::string_view(app.account_sid))
                           .bind_optional(app.unique_name)
                           .bind(protocol::ByteView(app.manifest_hash))
                           .bind(app.created)
                           .bind(app.updated)
                           .execute();
  if (outcome == Statement::Outcome::Conflict) return Insert::NameTaken;
  std::int64_t position = 0;
  for (const auto& [hash, content] : objects) {
    add_object(hash, content);
    database_.prepare("INSERT INTO app_objects VALUES (?, ?, ?)")
        .bind(std::string_view(app.sid))
        .bind(position++)
        .bind(protocol::ByteView(hash))
        .step();
  }
  transaction.commit();
  return Insert::Done;
}

std::optional<App> SqliteStore::app(const std::string& account_sid, const std::string& name) {
  Statement query = database_.prepare(
      "SELECT " + kAppColumns +
      " FROM apps WHERE account_sid = ?1 AND (sid = ?2 OR unique_name = ?2) ORDER BY sid <> ?2");
  query.bind(std::string_view(account_sid)).bind(std::string_view(name));
  return one_app(query);
}

std::optional<App> SqliteStore::app_with_manifest(const std::string& account_sid,
                                                  const protocol::Hash& hash) {
  Statement query = database_.prepare(
      "SELECT " + kAppColumns +
      " FROM apps WHERE account_sid = ? AND manifest_hash = ? ORDER BY sequence DESC LIMIT 1");
  query.bind(std::string_view(account_sid)).bind(protocol::ByteView(hash));
  return one_app(query);
}

Page<App> SqliteStore::apps(const std::string& account_sid, const PageRequest& request) {
  Page<App> found = page<App>("apps", kAppColumns, account_sid, request, read_app);
  for (App& app : found.items) add_objects(app);
  return found;
}

bool SqliteStore::remove_app(const std::string& account_sid, const std::string& sid) {
  Transaction transaction(database_);
  database_.prepare("DELETE FROM apps WHERE account_sid = ? AND sid = ?")
      .bind(std::string_view(account_sid))
      .bind(std::string_view(sid))
      .step();
  if (database_.changes() == 0) return false;
  database_.prepare("DELETE FROM app_objects WHERE app_sid = ?").bind(std::string_view(sid)).step();
  drop_unused_objects();
  database_
      .prepare(
          "UPDATE devices SET target_sid = NULL, target_hash = NULL, targeted = NULL, status = 0, "
          "error_code = 0 WHERE target_sid = ?")
      .bind(std::string_view(sid))
      .step();
  transaction.commit();
  return true;
}

bool SqliteStore::add_kernel(const Kernel& kernel, const Objects& objects) {
  Transaction transaction(database_);
  const auto outcome =
      database_
          .prepare(
              "INSERT INTO kernels (account_sid, manifest_hash, version, version_number, security_ratchet, "
              "device_type, module, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
          .bind(std::string_view(kernel.account_sid))
          .bind(protocol::ByteView(kernel.manifest_hash))
          .bind(std::string_view(kernel.version))
          .bind(std::int64_t{kernel.version_number})
          .bind(std::int64_t{kernel.security_ratchet})
          .bind(std::int64_t{kernel.device_type})
          .bind(std::string_view(kernel.module))
          .bind(kernel.created)
          .execute();
  if (outcome == Statement::Outcome::Conflict) return false;
  for (const auto& [hash, content] : objects) {
    add_object(hash, content);
    database_.prepare("INSERT INTO kernel_objects VALUES (?, ?, ?)")
        .bind(std::string_view(kernel.account_sid))
        .bind(protocol::ByteView(kernel.manifest_hash))
        .bind(protocol::ByteView(hash))
        .step();
  }
  transaction.commit();
  return true;
}

std::vector<Kernel> SqliteStore::kernels(const std::string& account_sid) {
  Statement query = database_.prepare(
      "SELECT sequence, manifest_hash, version, version_number, security_ratchet, device_type, module, "
      "created "
      "FROM kernels WHERE account_sid = ? ORDER BY sequence DESC");
  query.bind(std::string_view(account_sid));
  std::vector<Kernel> kernels;
  while (query.step()) {
    Kernel& kernel = kernels.emplace_back();
    kernel.sequence = query.integer();
    kernel.account_sid = account_sid;
    kernel.manifest_hash = query.hash();
    kernel.version = query.text();
    kernel.version_number = static_cast<std::uint32_t>(query.integer());
    kernel.security_ratchet = static_cast<std::uint32_t>(query.integer());
    kernel.device_type = static_cast<std::uint32_t>(query.integer());
    kernel.module = query.text();
    kernel.created = query.integer();
  }
  return kernels;
}

void SqliteStore::remove_kernel(const std::string& account_sid, const protocol::Hash& hash) {
  Transaction transaction(database_);
  for (const char* sql :
       {"DELETE FROM kernels WHERE account_sid = ? AND manifest_hash = ?",
        "DELETE FROM kernel_objects WHERE account_sid = ? AND manifest_hash = ?",
        "UPDATE devices SET kernel_target = NULL, kernel_targeted = NULL, kernel_status = 0, "
        "kernel_error = 0 WHERE account_sid = ? AND kernel_target = ?",
        "UPDATE devices SET module_target = NULL, module_targeted = NULL, module_status = 0, "
        "module_error = 0 WHERE account_sid = ? AND module_target = ?"}) {
    database_.prepare(sql).bind(std::string_view(account_sid)).bind(protocol::ByteView(hash)).step();
  }
  drop_unused_objects();
  transaction.commit();
}

std::optional<protocol::Bytes> SqliteStore::object(const std::string& account_sid,
                                                   const protocol::Hash& hash) {
  Statement query = database_.prepare(
      "SELECT content FROM objects WHERE hash = ?1 AND (EXISTS (SELECT 1 FROM app_objects JOIN apps ON "
      "apps.sid = app_objects.app_sid WHERE app_objects.hash = ?1 AND apps.account_sid = ?2) OR EXISTS "
      "(SELECT 1 FROM kernel_objects WHERE kernel_objects.hash = ?1 AND account_sid = ?2))");
  query.bind(protocol::ByteView(hash)).bind(std::string_view(account_sid));
  if (!query.step()) return std::nullopt;
  return query.bytes();
}

void SqliteStore::add_object(const protocol::Hash& hash, protocol::ByteView content) {
  database_.prepare("INSERT OR IGNORE INTO objects VALUES (?, ?)")
      .bind(protocol::ByteView(hash))
      .bind(content)
      .step();
}

void SqliteStore::drop_unused_objects() {
  database_
      .prepare(
          "DELETE FROM objects WHERE NOT EXISTS (SELECT 1 FROM app_objects WHERE app_objects.hash = "
          "objects.hash) AND NOT EXISTS (SELECT 1 FROM kernel_objects WHERE kernel_objects.hash = "
          "objects.hash)")
      .step();
}

std::optional<App> SqliteStore::one_app(Statement& query) {
  if (!query.step()) return std::nullopt;
  App app = read_app(query);
  add_objects(app);
  return app;
}

void SqliteStore::add_objects(App& app) {
  Statement query = database_.prepare("SELECT hash FROM app_objects WHERE app_sid = ? ORDER BY position");
  query.bind(std::string_view(app.sid));
  while (query.step()) app.layers.push_back(query.hash());
  app.layers.pop_back();
  Statement content = database_.prepare("SELECT content FROM objects WHERE hash = ?");
  content.bind(protocol::ByteView(app.manifest_hash));
  if (!content.step()) throw StoreError("the manifest of app " + app.sid + " is missing");
  app.manifest = content.bytes();
}

}  // namespace microvisor::cloud
