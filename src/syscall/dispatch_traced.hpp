// System calls of threads that are traced or filtered. Between dispatch.cc, dispatch_traced.cc and
// seccomp.cc only.
//
// An untraced call that a signal interrupts is decided and restarted in one step. A tracer sees the
// steps apart, and may change the registers between them, so here a call ends as on Linux: with
// -ERESTARTSYS and the like in rax and its number in orig_rax, and what follows is decided from
// these.
#pragma once

#include "syscall/call.hpp"
#include "syscall/dispatch.hpp"
#include "syscall/table.hpp"

namespace tine::syscall {

// ---- dispatch.cc ----
[[nodiscard]] Call make_call(process::Thread &thread);
[[nodiscard]] Next call_handler(process::Thread &thread, const Row &row, Call &call);
/// The call ends with this value, or -errno.
[[nodiscard]] Next complete_call(process::Thread &thread, i64 value);
/// The state of the call's tries is forgotten, its number too.
void forget_call(process::Thread &thread);
void restore_mask(process::Thread &thread);

// ---- seccomp.cc ----
/// What the filters of the thread, which has some, do with the call that it begins; none: it is
/// made. `was_traced`: a tracer has had its say.
[[nodiscard]] std::optional<Next> filter_call(process::Thread &thread, bool was_traced);

// ---- dispatch_traced.cc ----
/// The call under way; restart_syscall(2) stands for the call that was interrupted.
[[nodiscard]] i64 number_of_call(const process::Thread &thread);
/// The thread executed `syscall`; its number is in syscall_number.
[[nodiscard]] Next start_traced_call(process::Thread &thread);
/// The handler is done: events, syscall-exit-stop, signals. Without a value the registers are as
/// the handler left them.
[[nodiscard]] Next end_traced_call(process::Thread &thread, std::optional<i64> value);
/// The handler would block, and there is a signal or a stop.
[[nodiscard]] Next interrupt_traced_call(process::Thread &thread, Interrupt rule);
/// An event stop of a call that goes on sleeping (vfork's parent), if there is one.
[[nodiscard]] bool stop_for_event(process::Thread &thread, process::AfterStop after);
[[nodiscard]] Next deliver_to_traced(process::Thread &thread);
/// The tracer, or a fatal signal, let the stopped thread go on.
[[nodiscard]] Next leave_trace_stop(process::Thread &thread);

} // namespace tine::syscall
