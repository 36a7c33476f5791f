// The two functions of libfmt that tine calls, made from its header: so the command loads neither
// libfmt nor, which it would ask for, the C++ library. That takes longer than `tine fork` does.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace tine::cli {

/// Nobody calls them here: that their addresses are taken makes the compiler emit them.
using FormatFunction = std::string (*)(fmt::string_view, fmt::format_args);
[[gnu::used]] FormatFunction const emitted_vformat = &fmt::vformat;
using PrintFunction = void (*)(fmt::string_view, fmt::format_args);
[[gnu::used]] PrintFunction const emitted_vprint = &fmt::vprint;

} // namespace tine::cli
