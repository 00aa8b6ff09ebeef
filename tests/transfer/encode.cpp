// transfer_encode OUTPUT OBJECT [BASE]: writes the transfer encoding of a file.
#include <fstream>
#include <iterator>

#include "protocol/transfer/encoder.hpp"

using namespace microvisor::protocol;

namespace {

Bytes read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const Bytes object = read_file(arguments[2]);
  const Bytes base = count > 3 ? read_file(arguments[3]) : Bytes{};
  if (object.empty()) return 2;
  const Bytes stream = transfer::encode(object, {.bytes = base}).stream();
  std::ofstream out(arguments[1], std::ios::binary);
  out.write(reinterpret_cast<const char*>(stream.data()), static_cast<std::streamsize>(stream.size()));
  return out.good() ? 0 : 1;
}
