// HTTP Basic authentication (RFC 7617).
#pragma once

#include "cloud/accounts/accounts.hpp"
#include "cloud/api/http.hpp"

namespace microvisor::cloud::api {

/// The account of the request's Authorization header; throws the 401 otherwise.
Account authenticate(const Accounts& accounts, const Request& request);

}  // namespace microvisor::cloud::api
