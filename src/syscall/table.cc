#include "syscall/table.hpp"

#include "syscall/handlers.hpp"

#include <algorithm>
#include <array>

namespace tine::syscall {
namespace {

// A row with support `none` has no handler: pick_none is chosen by token pasting, so sys_NAME is
// not named.
#define TINE_HANDLER_full(name) &Adapt<&sys_##name>::handler
#define TINE_HANDLER_partial(name) &Adapt<&sys_##name>::handler
#define TINE_HANDLER_none(name) nullptr

template <typename... Kinds>
constexpr Row make_row(u32 number, std::string_view name, Handler handler, Support support,
                       std::string_view note, Kinds... kinds) {
  static_assert(sizeof...(kinds) <= 6);
  return {number, name, handler, support, note, static_cast<u8>(sizeof...(kinds)), {kinds...}};
}

constexpr auto make_table() {
  using enum ArgumentKind;
  return std::to_array<Row>({
#define TINE_SYSCALL(number, name, support, note, ...)                                             \
  make_row(number, #name, TINE_HANDLER_##support(name), Support::support,                          \
           note __VA_OPT__(, ) __VA_ARGS__),
#include "syscall/table.def"
#undef TINE_SYSCALL
  });
}
constexpr auto table = make_table();

constexpr u32 number_limit = 512;

constexpr auto make_index() {
  std::array<u16, number_limit> index{};
  for (std::size_t i = 0; i < std::size(table); ++i)
    index[table[i].number] = static_cast<u16>(i + 1);
  return index;
}
constexpr auto index_of_number = make_index();

} // namespace

std::span<const Row> rows() {
  return table;
}

const Row *find_row(u64 number) {
  if (number >= number_limit || index_of_number[number] == 0)
    return nullptr;
  return &table[index_of_number[number] - 1];
}

const Row *find_row(std::string_view name) {
  const auto found = std::ranges::find_if(
      table, [&](const Row &row) { return row.name == name && row.handler != nullptr; });
  return found == std::end(table) ? nullptr : &*found;
}

} // namespace tine::syscall
