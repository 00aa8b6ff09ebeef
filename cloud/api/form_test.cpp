// Forms, paths and multipart bodies as clients send them, and as they should not.
#include "cloud/api/form.hpp"

#include <gtest/gtest.h>

#include "cloud/api/multipart.hpp"

namespace microvisor::cloud::api {
namespace {

TEST(Form, NamesAndValues) {
  const auto form = parse_form("A=1&B=two+words&C=%C3%BC%26&D=&E&&A=2");
  ASSERT_TRUE(form);
  EXPECT_EQ(*form, (Parameters{{"A", "2"}, {"B", "two words"}, {"C", "\xC3\xBC&"}, {"D", ""}, {"E", ""}}));
  EXPECT_FALSE(parse_form("A=%zz"));
  EXPECT_FALSE(parse_form("A=%4"));
  EXPECT_FALSE(parse_form("A=%00"));
}

TEST(Form, Booleans) {
  EXPECT_TRUE(parse_boolean("X", "true"));
  EXPECT_FALSE(parse_boolean("X", "False"));
  EXPECT_THROW(parse_boolean("X", "1"), ApiError);
  EXPECT_THROW(parse_boolean("X", ""), ApiError);
}

TEST(Form, Numbers) {
  EXPECT_EQ(parse_number("X", "50", 1, 1000), 50U);
  for (const char* bad : {"0", "1001", "-1", "", "5x", " 5", "99999999999999999999999"}) {
    EXPECT_THROW(parse_number("X", bad, 1, 1000), ApiError) << bad;
  }
}

TEST(Path, Segments) {
  EXPECT_EQ(*path_segments("/v1/Apps?x=/y"), (std::vector<std::string>{"v1", "Apps"}));
  EXPECT_EQ(*path_segments("/v1/Apps/my%20app%2F1"), (std::vector<std::string>{"v1", "Apps", "my app/1"}));
  EXPECT_EQ(*path_segments("/a+b"), (std::vector<std::string>{"a+b"}));
  EXPECT_TRUE(path_segments("/")->empty());
  EXPECT_FALSE(path_segments("/v1/"));
  EXPECT_FALSE(path_segments("//v1"));
  EXPECT_FALSE(path_segments("v1"));
  EXPECT_FALSE(path_segments("/%zz"));
}

TEST(Multipart, Boundary) {
  EXPECT_EQ(*multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(*multipart_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), "a b");
  EXPECT_FALSE(multipart_boundary("multipart/form-data"));
  EXPECT_FALSE(multipart_boundary("application/json; boundary=abc"));
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

TEST(Multipart, Parts) {
  const std::string body =
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"File\"; filename=\"a;b.zip\"\r\n"
      "Content-Type: application/zip\r\n\r\nPK\r\n--bx\r\nbinary\r\n--b\r\n"
      "content-disposition: form-data; name=UniqueName\r\n\r\n\r\n--b--\r\nepilogue";
  const auto parts = parse_multipart(body, "b");
  // "--bx" is not the delimiter "--b" followed by a line end: the body is cut at the wrong place and refused.
  EXPECT_FALSE(parts);
  const std::string good =
      "--b\r\nContent-Disposition: form-data; name=\"File\"; filename=\"a;b.zip\"\r\n"
      "Content-Type: application/zip\r\n\r\nPK\r\nx\r\n--b\r\n"
      "content-disposition: form-data; name=UniqueName\r\n\r\n\r\n--b--\r\nepilogue";
  const auto read = parse_multipart(good, "b");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].name, "File");
  EXPECT_EQ((*read)[0].content, "PK\r\nx");
  EXPECT_EQ((*read)[1].name, "UniqueName");
  EXPECT_EQ((*read)[1].content, "");
}

TEST(Multipart, Broken) {
  EXPECT_FALSE(parse_multipart("", "b"));
  EXPECT_FALSE(parse_multipart("--b\r\n", "b"));
  EXPECT_FALSE(parse_multipart("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nno end", "b"));
  EXPECT_FALSE(parse_multipart("--b\r\nX: y\r\n\r\nz\r\n--b--", "b"));
  EXPECT_TRUE(parse_multipart("--b--", "b")->empty());
}

}  // namespace
}  // namespace microvisor::cloud::api
