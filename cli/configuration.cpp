// What the server would refuse it refuses; only what cannot be sent as a form is refused here.
#include "cli/configuration.hpp"

#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/files.hpp"

namespace microvisor::cli {
namespace {

std::string text_from(const std::string& source, std::string content) {
  if (content.find('\0') != std::string::npos)
    throw Failure(source + " holds a NUL: values are text, so write binary data in hex or base64");
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

}  // namespace

std::string read_value(const std::string& argument) {
  if (argument == "-") {
    std::string content{std::istreambuf_iterator<char>(std::cin), {}};
    return text_from("the standard input", std::move(content));
  }
  if (!argument.starts_with('@')) return argument;
  const std::string file = argument.substr(1);
  const protocol::Bytes content = read_file(file);
  return text_from(file, {content.begin(), content.end()});
}

KeyAndValue parse_key_and_value(const std::string& option, const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Failure(option + " takes KEY=VALUE or KEY=@FILE, not '" + argument + "'");
  const std::string value = argument.substr(equals + 1);
  return {argument.substr(0, equals), value.starts_with('@') ? read_value(value) : value};
}

nlohmann::json store_value(Client& client, const std::string& collection, const std::string& key,
                           const std::string& value) {
  try {
    return client.post_form(collection, {{"Key", key}, {"Value", value}});
  } catch (const Refusal& refusal) {
    if (refusal.status() != 409) throw;
  }
  return client.post_form(collection + "/" + Client::escape(key), {{"Value", value}});
}

}  // namespace microvisor::cli
