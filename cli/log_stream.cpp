#include "cli/log_stream.hpp"

#include <nlohmann/json.hpp>

#include "cli/output.hpp"

namespace microvisor::cli {

void follow_log(Client& client, const std::string& device, bool as_json,
                const std::function<bool()>& keep_going) {
  client.stream(
      "/api/devices/" + Client::escape(device) + "/logs",
      [&](const nlohmann::json& record) {
        print_line(as_json ? record.dump() : format_log_record(record));
        return true;
      },
      keep_going);
}

}  // namespace microvisor::cli
