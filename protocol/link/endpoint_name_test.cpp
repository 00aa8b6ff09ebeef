// Names and their hashes, against the published values of FNV-1a.
#include "protocol/link/endpoint_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace microvisor::protocol {
namespace {

TEST(EndpointName, IsShortAndPrintable) {
  EXPECT_TRUE(is_endpoint_name("log"));
  EXPECT_TRUE(is_endpoint_name("!~"));
  EXPECT_TRUE(is_endpoint_name(std::string(31, 'a')));
  EXPECT_FALSE(is_endpoint_name(std::string(32, 'a')));
  for (const char* none : {"", " ", "a b", "a\n", "a\x7F", "gr\xC3\xBC\xC3\x9F"})
    EXPECT_FALSE(is_endpoint_name(none));
  EXPECT_FALSE(is_endpoint_name(std::string_view("a\0b", 3)));
}

/// The empty input, "a" and "foobar" stand in the test vectors of draft-eastlake-fnv, appendix C.
TEST(EndpointName, HashIsFnv1a) {
  EXPECT_EQ(endpoint_hash(""), 0x811C9DC5U);
  EXPECT_EQ(endpoint_hash("a"), 0xE40C292CU);
  EXPECT_EQ(endpoint_hash("foobar"), 0xBF9CF968U);
}

}  // namespace
}  // namespace microvisor::protocol
