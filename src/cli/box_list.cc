#include "cli/box_list.hpp"

#include "daemon/directory.hpp"
#include "daemon/protocol.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/core.h>
#include <vector>

namespace tine::cli {
namespace {

using daemon::json;

/// Of one family, as it tells them.
std::vector<json> boxes_of(UniqueFd socket, bool names_only) {
  daemon::Connection connection(std::move(socket));
  std::vector<json> boxes;
  json answer = connection.request({{"command", "list"}, {"names_only", names_only}});
  for (;;) {
    for (json &box : answer.at("boxes"))
      boxes.push_back(std::move(box));
    if (answer.contains("done"))
      return boxes;
    answer = connection.receive_message();
  }
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1 << 20)
    return fmt::format("{} KiB", bytes >> 10);
  return bytes < std::uint64_t{10} << 30 ? fmt::format("{} MiB", bytes >> 20)
                                         : fmt::format("{} GiB", bytes >> 30);
}

std::string age_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds < 120)
    return fmt::format("{} s", seconds);
  if (seconds < 120 * 60)
    return fmt::format("{} min", seconds / 60);
  return seconds < 48 * 3600 ? fmt::format("{} h", seconds / 3600)
                             : fmt::format("{} d", seconds / 86400);
}

using Row = std::array<std::string, 7>;

Row row_of(const json &box) {
  std::string state = box.at("state").get<std::string>();
  if (box.contains("exit_status"))
    state += fmt::format(" ({})", box["exit_status"].get<int>());
  const auto parent = box.at("parent").get<std::string>();
  return {box.at("name").get<std::string>(),
          parent.empty() ? "-" : parent,
          state,
          fmt::format("{}", box.at("processes").get<int>()),
          size_text(box.at("owned_bytes").get<std::uint64_t>()),
          size_text(box.at("shared_bytes").get<std::uint64_t>()),
          age_text(box.at("age_ms").get<std::uint64_t>())};
}

void print_table(const std::vector<json> &boxes) {
  std::vector<Row> rows = {{"NAME", "PARENT", "STATE", "PROCESSES", "OWNED", "SHARED", "AGE"}};
  std::transform(boxes.begin(), boxes.end(), std::back_inserter(rows), row_of);
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row &row : rows)
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  for (const Row &row : rows) {
    std::string line;
    for (std::size_t column = 0; column + 1 < row.size(); ++column)
      line += fmt::format("{:<{}}  ", row[column], widths[column]);
    fmt::print("{}{}\n", line, row.back());
  }
}

} // namespace

int list_boxes(ListStyle style) {
  daemon::FamilyDirectory directory;
  std::vector<json> all;
  for (const std::string &family : directory.families()) {
    UniqueFd socket = directory.connect(family);
    if (!socket)
      continue;
    try {
      for (json &box : boxes_of(std::move(socket), style == ListStyle::names))
        all.push_back(std::move(box));
    } catch (const daemon::Failure &) {
      continue; // its last box was removed just now
    }
  }
  if (style == ListStyle::table)
    print_table(all);
  for (const json &box : all)
    if (style != ListStyle::table)
      fmt::print("{}\n", style == ListStyle::json ? box.dump() : box.at("name").get<std::string>());
  return 0;
}

} // namespace tine::cli
