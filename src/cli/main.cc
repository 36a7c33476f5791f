// The `tine` command.
#include "cli/box_commands.hpp"
#include "cli/run_command.hpp"

#include "base/log.hpp"
#include "box/standard_descriptors.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <exception>
#include <string_view>

namespace {

/// Usage errors exit with 125, as env(1), timeout(1) and Docker have it: 126 and 127 are about the
/// program.
constexpr int usage_error = 125;

} // namespace

int main(int argc, char **argv) {
  try {
    tine::box::hold_standard_descriptors();
    CLI::App app{"A Linux kernel in user space: runs unmodified programs in a box and forks in "
                 "microseconds."};
    app.set_version_flag("--version", "tine " TINE_VERSION);
    app.require_subcommand(1);
    app.footer("Examples:\n"
               "  tine run -- bash                          a shell in a box\n"
               "  tine run --bind .:/work:rw --workdir /work -- make\n"
               "  tine run --strace -- ls                   each system call, on standard error\n"
               "  tine run --stats=s.json -- python3 x.py   what happened, as JSON\n"
               "  tine run --name base -d -- python3 -i app.py\n"
               "                                            a box in the background\n"
               "  tine fork base -n 3                       three forks of it, while it runs\n"
               "  echo 'print(x)' | tine attach base-2      go on with one of them");
    tine::cli::RunCommand run(app);
    tine::cli::BoxCommands boxes(app);
    // What follows "--" is the program's, whatever it looks like.
    char **const end = argv + argc;
    char **const separator = std::find(argv, end, std::string_view("--"));
    if (separator != end) {
      run.set_after_separator({separator + 1, end});
      boxes.set_after_separator({separator + 1, end});
    }
    try {
      app.parse(static_cast<int>(separator - argv), argv);
    } catch (const CLI::ParseError &error) {
      return app.exit(error) == 0 ? 0 : usage_error;
    }
    if (const auto status = boxes.execute())
      return *status;
    return run.execute();
  } catch (const tine::daemon::Failure &failure) {
    tine::log::error("{}", failure.what());
    return failure.exit_status;
  } catch (const std::exception &error) {
    tine::log::error("{}", error.what());
    return usage_error;
  }
}
