// The tables of the store, and how a data base of an older version becomes one of this.
#pragma once

#include <string>

#include "cloud/store/sqlite.hpp"

namespace microvisor::cloud {

/// Makes the tables in an empty data base, or adds what its version lacks. Within a transaction of the
/// caller's. Throws StoreError if a newer program has made it; `path` is for that message.
void bring_up_to_date(Database& database, const std::string& path);

}  // namespace microvisor::cloud
