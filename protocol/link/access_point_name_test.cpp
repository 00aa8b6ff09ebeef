// Access point names, against the rules of 3GPP TS 23.003 section 9.1 and of RFC 1123 for labels.
#include "protocol/link/access_point_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace microvisor::protocol {
namespace {

TEST(AccessPointName, HasLabelsWithDotsBetweenThem) {
  for (const char* name :
       {"a", "7", "internet", "IoT.1nce.net", "m2m--fleet.example", "fleet.mnc012.mcc345.gprs"})
    EXPECT_TRUE(is_access_point_name(name)) << name;
  for (const char* none :
       {"",    ".",   "-",   ".a",  "a.",          "a..b", "-a",  "a-",  "a.-b", "a-.b", "a b",
        "a\"", "a\r", "a,b", "a_b", "caf\xC3\xA9", "a@b",  "a`b", "a[b", "a{b",  "a/b",  "a:b"})
    EXPECT_FALSE(is_access_point_name(none)) << none;
  EXPECT_FALSE(is_access_point_name(std::string_view("a\0b", 3)));
}

TEST(AccessPointName, IsNotLongerThanAHundredCharacters) {
  EXPECT_TRUE(is_access_point_name(std::string(100, 'a')));
  EXPECT_FALSE(is_access_point_name(std::string(101, 'a')));
}

}  // namespace
}  // namespace microvisor::protocol
