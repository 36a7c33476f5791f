// What nearly every source includes, compiled once (TINE_PRECOMPILED): the library's headers alone,
// so that a change of tine's own doesn't recompile everything. A source still includes what it
// uses.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
