#include "cli/parse.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <stdexcept>
#include <unistd.h>

namespace tine::cli {
namespace {

template <typename Number> std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

void set_variable(std::vector<std::string> &environment, const std::string &setting) {
  const std::string prefix = setting.substr(0, setting.find('=') + 1);
  std::erase_if(environment, [&](const std::string &entry) { return entry.starts_with(prefix); });
  environment.push_back(setting);
}

} // namespace

u64 parse_size(std::string_view text) {
  u32 shift = 0;
  std::string_view digits = text;
  if (!digits.empty()) {
    constexpr std::string_view units = "KMGT";
    const std::size_t unit = units.find(static_cast<char>(std::toupper(digits.back())));
    if (unit != std::string_view::npos) {
      shift = static_cast<u32>(unit + 1) * 10;
      digits.remove_suffix(1);
    }
  }
  const auto number = parse_number<u64>(digits);
  if (!number || *number > (~u64{0} >> shift) || (*number << shift) < page_size)
    throw std::invalid_argument(fmt::format("'{}' is no size: a number with K, M, G or T", text));
  return *number << shift;
}

box::Bind parse_bind(std::string_view text) {
  box::Bind bind;
  std::string_view rest = text;
  if (rest.ends_with(":rw") || rest.ends_with(":ro")) {
    bind.writable = rest.ends_with(":rw");
    rest.remove_suffix(3);
  }
  const std::size_t colon = rest.find(':');
  std::error_code error;
  const std::string source(rest.substr(0, colon));
  bind.source = std::filesystem::canonical(source, error).string();
  if (error || source.empty())
    throw std::invalid_argument(
        fmt::format("--bind {}: {}: {}", text, source, error ? error.message() : "no source"));
  bind.target = colon == std::string_view::npos ? bind.source : std::string(rest.substr(colon + 1));
  if (!bind.target.starts_with('/'))
    throw std::invalid_argument(
        fmt::format("--bind {}: the target must be an absolute path", text));
  return bind;
}

box::Secret parse_secret(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string source(text.substr(0, colon));
  return {source, colon == std::string_view::npos
                      ? std::filesystem::path(source).filename().string()
                      : std::string(text.substr(colon + 1))};
}

void parse_user(const std::string &text, box::BoxOptions &options) {
  const std::size_t colon = text.find(':');
  if (const auto uid = parse_number<u32>(text.substr(0, colon))) {
    options.uid = options.gid = *uid;
    options.groups = {};
    if (colon == std::string::npos)
      return;
    const auto gid = parse_number<u32>(text.substr(colon + 1));
    if (!gid)
      throw std::invalid_argument(fmt::format("--user {}: the group must be a number", text));
    options.gid = *gid;
    return;
  }
  const passwd *entry = ::getpwnam(text.c_str());
  if (entry == nullptr)
    throw std::invalid_argument(fmt::format("--user {}: no such user", text));
  options.uid = entry->pw_uid;
  options.gid = entry->pw_gid;
  int count = 256;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgrouplist(text.c_str(), entry->pw_gid, groups.data(), &count) < 0)
    count = 0;
  options.groups.assign(groups.begin(), groups.begin() + count);
}

std::vector<std::string> make_environment(bool clear, const std::vector<std::string> &settings) {
  std::vector<std::string> environment;
  for (char **entry = environ; !clear && *entry != nullptr; ++entry)
    environment.emplace_back(*entry);
  for (const std::string &setting : settings) {
    if (setting.find('=') != std::string::npos)
      set_variable(environment, setting);
    else if (const char *value = std::getenv(setting.c_str()))
      set_variable(environment, setting + "=" + value);
  }
  return environment;
}

int parse_signal(const std::string &text) {
  constexpr int last_signal = 64;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 &&
      number <= last_signal)
    return number;
  const std::string_view name =
      text.starts_with("SIG") ? std::string_view(text).substr(3) : std::string_view(text);
  for (number = 1; number <= last_signal; ++number)
    if (const char *known = ::sigabbrev_np(number); known != nullptr && name == known)
      return number;
  throw std::invalid_argument(fmt::format("there is no signal {}", text));
}

std::vector<std::string>
program_and_arguments(std::vector<std::string> words,
                      const std::optional<std::vector<std::string>> &after_separator,
                      std::string_view usage) {
  if (!words.empty() && words.front().starts_with('-'))
    throw std::invalid_argument(
        fmt::format("{0}: what is {1}? See tine {0} --help", usage, words.front()));
  if (after_separator) {
    // After the program's name "--" is an argument like any other.
    if (!words.empty())
      words.emplace_back("--");
    words.insert(words.end(), after_separator->begin(), after_separator->end());
  }
  if (words.empty() || words.front().empty())
    throw std::invalid_argument(fmt::format("{0}: which program? See tine {0} --help", usage));
  return words;
}

} // namespace tine::cli
