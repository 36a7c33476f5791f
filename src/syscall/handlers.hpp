// The handlers, by family; each family has a file of its name. Arguments are those of the manual
// page, cut to their width; addresses are the guest's and checked on use. Errors are the manual
// page's.
#pragma once

#include "syscall/call.hpp"

namespace tine::syscall {

// files*.cc
SyscallResult sys_read(Call &call, int, GuestAddress, u64);
SyscallResult sys_write(Call &call, int, GuestAddress, u64);
SyscallResult sys_open(Call &call, GuestAddress, u32, u32);
SyscallResult sys_close(Call &call, int);
SyscallResult sys_lseek(Call &call, int, i64, int);
SyscallResult sys_pread64(Call &call, int, GuestAddress, u64, i64);
SyscallResult sys_pwrite64(Call &call, int, GuestAddress, u64, i64);
SyscallResult sys_readv(Call &call, int, GuestAddress, int);
SyscallResult sys_writev(Call &call, int, GuestAddress, int);
SyscallResult sys_preadv(Call &call, int, GuestAddress, int, i64);
SyscallResult sys_pwritev(Call &call, int, GuestAddress, int, i64);
SyscallResult sys_preadv2(Call &call, int, GuestAddress, int, i64, i64, u64);
SyscallResult sys_pwritev2(Call &call, int, GuestAddress, int, i64, i64, u64);
SyscallResult sys_openat(Call &call, int, GuestAddress, u32, u32);
SyscallResult sys_openat2(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_creat(Call &call, GuestAddress, u32);
SyscallResult sys_sendfile(Call &call, int, int, GuestAddress, u64);
SyscallResult sys_copy_file_range(Call &call, int, GuestAddress, int, GuestAddress, u64, u64);
SyscallResult sys_splice(Call &call, int, GuestAddress, int, GuestAddress, u64, u64);
SyscallResult sys_tee(Call &call, int, int, u64, u64);
SyscallResult sys_vmsplice(Call &call, int, GuestAddress, int, u64);
SyscallResult sys_ftruncate(Call &call, int, i64);
SyscallResult sys_truncate(Call &call, GuestAddress, i64);
SyscallResult sys_fallocate(Call &call, int, u64, i64, i64);
SyscallResult sys_fsync(Call &call, int);
SyscallResult sys_fdatasync(Call &call, int);
SyscallResult sys_sync(Call &call);
SyscallResult sys_syncfs(Call &call, int);
SyscallResult sys_sync_file_range(Call &call, int, i64, i64, u64);
SyscallResult sys_fadvise64(Call &call, int, i64, u64, int);
SyscallResult sys_readahead(Call &call, int, i64, u64);
SyscallResult sys_memfd_create(Call &call, GuestAddress, u64);

// descriptors*.cc
SyscallResult sys_dup(Call &call, int);
SyscallResult sys_dup2(Call &call, int, int);
SyscallResult sys_dup3(Call &call, int, int, u32);
SyscallResult sys_fcntl(Call &call, int, int, u64);
SyscallResult sys_ioctl(Call &call, int, u32, u64);
SyscallResult sys_flock(Call &call, int, int);
SyscallResult sys_close_range(Call &call, u32, u32, u64);
SyscallResult sys_pipe(Call &call, GuestAddress);
SyscallResult sys_pipe2(Call &call, GuestAddress, u32);
SyscallResult sys_eventfd(Call &call, u32);
SyscallResult sys_eventfd2(Call &call, u32, u64);
SyscallResult sys_signalfd(Call &call, int, GuestAddress, u64);
SyscallResult sys_signalfd4(Call &call, int, GuestAddress, u64, u64);
SyscallResult sys_timerfd_create(Call &call, int, u64);
SyscallResult sys_timerfd_settime(Call &call, int, u64, GuestAddress, GuestAddress);
SyscallResult sys_timerfd_gettime(Call &call, int, GuestAddress);
SyscallResult sys_inotify_init(Call &call);
SyscallResult sys_inotify_init1(Call &call, u64);
SyscallResult sys_inotify_add_watch(Call &call, int, GuestAddress, u64);
SyscallResult sys_inotify_rm_watch(Call &call, int, int);

// tree*.cc
SyscallResult sys_stat(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_fstat(Call &call, int, GuestAddress);
SyscallResult sys_lstat(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_newfstatat(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_statx(Call &call, int, GuestAddress, u64, u64, GuestAddress);
SyscallResult sys_access(Call &call, GuestAddress, int);
SyscallResult sys_faccessat(Call &call, int, GuestAddress, int);
SyscallResult sys_faccessat2(Call &call, int, GuestAddress, int, u64);
SyscallResult sys_getdents(Call &call, int, GuestAddress, u64);
SyscallResult sys_getdents64(Call &call, int, GuestAddress, u64);
SyscallResult sys_getcwd(Call &call, GuestAddress, u64);
SyscallResult sys_chdir(Call &call, GuestAddress);
SyscallResult sys_fchdir(Call &call, int);
SyscallResult sys_rename(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_renameat(Call &call, int, GuestAddress, int, GuestAddress);
SyscallResult sys_renameat2(Call &call, int, GuestAddress, int, GuestAddress, u64);
SyscallResult sys_mkdir(Call &call, GuestAddress, u32);
SyscallResult sys_mkdirat(Call &call, int, GuestAddress, u32);
SyscallResult sys_rmdir(Call &call, GuestAddress);
SyscallResult sys_link(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_linkat(Call &call, int, GuestAddress, int, GuestAddress, u64);
SyscallResult sys_unlink(Call &call, GuestAddress);
SyscallResult sys_unlinkat(Call &call, int, GuestAddress, u64);
SyscallResult sys_symlink(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_symlinkat(Call &call, GuestAddress, int, GuestAddress);
SyscallResult sys_readlink(Call &call, GuestAddress, GuestAddress, u64);
SyscallResult sys_readlinkat(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_chmod(Call &call, GuestAddress, u32);
SyscallResult sys_fchmod(Call &call, int, u32);
SyscallResult sys_fchmodat(Call &call, int, GuestAddress, u32);
SyscallResult sys_fchmodat2(Call &call, int, GuestAddress, u32, u64);
SyscallResult sys_chown(Call &call, GuestAddress, int, int);
SyscallResult sys_fchown(Call &call, int, int, int);
SyscallResult sys_lchown(Call &call, GuestAddress, int, int);
SyscallResult sys_fchownat(Call &call, int, GuestAddress, int, int, u64);
SyscallResult sys_umask(Call &call, u32);
SyscallResult sys_utime(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_utimes(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_futimesat(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_utimensat(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_mknod(Call &call, GuestAddress, u32, u64);
SyscallResult sys_mknodat(Call &call, int, GuestAddress, u32, u64);
SyscallResult sys_statfs(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_fstatfs(Call &call, int, GuestAddress);
SyscallResult sys_ustat(Call &call, u64, GuestAddress);
SyscallResult sys_chroot(Call &call, GuestAddress);
SyscallResult sys_mount(Call &call, GuestAddress, GuestAddress, GuestAddress, u64, GuestAddress);
SyscallResult sys_umount2(Call &call, GuestAddress, u64);
SyscallResult sys_pivot_root(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_setxattr(Call &call, GuestAddress, GuestAddress, GuestAddress, u64, u64);
SyscallResult sys_lsetxattr(Call &call, GuestAddress, GuestAddress, GuestAddress, u64, u64);
SyscallResult sys_fsetxattr(Call &call, int, GuestAddress, GuestAddress, u64, u64);
SyscallResult sys_getxattr(Call &call, GuestAddress, GuestAddress, GuestAddress, u64);
SyscallResult sys_lgetxattr(Call &call, GuestAddress, GuestAddress, GuestAddress, u64);
SyscallResult sys_fgetxattr(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_listxattr(Call &call, GuestAddress, GuestAddress, u64);
SyscallResult sys_llistxattr(Call &call, GuestAddress, GuestAddress, u64);
SyscallResult sys_flistxattr(Call &call, int, GuestAddress, u64);
SyscallResult sys_removexattr(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_lremovexattr(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_fremovexattr(Call &call, int, GuestAddress);
SyscallResult sys_name_to_handle_at(Call &call, int, GuestAddress, GuestAddress, GuestAddress, u64);

// poll*.cc
SyscallResult sys_poll(Call &call, GuestAddress, u32, int);
SyscallResult sys_ppoll(Call &call, GuestAddress, u32, GuestAddress, GuestAddress, u64);
SyscallResult sys_select(Call &call, int, GuestAddress, GuestAddress, GuestAddress, GuestAddress);
SyscallResult sys_pselect6(Call &call, int, GuestAddress, GuestAddress, GuestAddress, GuestAddress,
                           GuestAddress);
SyscallResult sys_epoll_create(Call &call, int);
SyscallResult sys_epoll_create1(Call &call, u64);
SyscallResult sys_epoll_ctl(Call &call, int, int, int, GuestAddress);
SyscallResult sys_epoll_wait(Call &call, int, GuestAddress, int, int);
SyscallResult sys_epoll_pwait(Call &call, int, GuestAddress, int, int, GuestAddress, u64);
SyscallResult sys_epoll_pwait2(Call &call, int, GuestAddress, int, GuestAddress, GuestAddress, u64);

// memory*.cc
SyscallResult sys_mmap(Call &call, GuestAddress, u64, u32, u32, int, i64);
SyscallResult sys_munmap(Call &call, GuestAddress, u64);
SyscallResult sys_mprotect(Call &call, GuestAddress, u64, u32);
SyscallResult sys_mremap(Call &call, GuestAddress, u64, u64, u64, GuestAddress);
SyscallResult sys_madvise(Call &call, GuestAddress, u64, int);
SyscallResult sys_brk(Call &call, GuestAddress);
SyscallResult sys_mincore(Call &call, GuestAddress, u64, GuestAddress);
SyscallResult sys_msync(Call &call, GuestAddress, u64, u64);
SyscallResult sys_mlock(Call &call, GuestAddress, u64);
SyscallResult sys_mlock2(Call &call, GuestAddress, u64, u64);
SyscallResult sys_munlock(Call &call, GuestAddress, u64);
SyscallResult sys_mlockall(Call &call, u64);
SyscallResult sys_munlockall(Call &call);
SyscallResult sys_membarrier(Call &call, int, u64, int);
SyscallResult sys_process_vm_readv(Call &call, int, GuestAddress, u64, GuestAddress, u64, u64);
SyscallResult sys_process_vm_writev(Call &call, int, GuestAddress, u64, GuestAddress, u64, u64);
SyscallResult sys_remap_file_pages(Call &call, GuestAddress, u64, u32, u64, u64);
SyscallResult sys_pkey_mprotect(Call &call, GuestAddress, u64, u32, int);
SyscallResult sys_pkey_alloc(Call &call, u64, u64);
SyscallResult sys_pkey_free(Call &call, int);
SyscallResult sys_mbind(Call &call, GuestAddress, u64, int, GuestAddress, u64, u64);
SyscallResult sys_get_mempolicy(Call &call, GuestAddress, GuestAddress, u64, GuestAddress, u64);
SyscallResult sys_set_mempolicy(Call &call, int, GuestAddress, u64);

// process*.cc
SyscallResult sys_fork(Call &call);
SyscallResult sys_vfork(Call &call);
SyscallResult sys_clone(Call &call, u64, GuestAddress, GuestAddress, GuestAddress, u64);
SyscallResult sys_clone3(Call &call, GuestAddress, u64);
SyscallResult sys_execve(Call &call, GuestAddress, GuestAddress, GuestAddress);
SyscallResult sys_execveat(Call &call, int, GuestAddress, GuestAddress, GuestAddress, u64);
SyscallResult sys_exit(Call &call, int);
SyscallResult sys_exit_group(Call &call, int);
SyscallResult sys_wait4(Call &call, int, GuestAddress, u64, GuestAddress);
SyscallResult sys_waitid(Call &call, int, int, GuestAddress, u64, GuestAddress);
SyscallResult sys_getpid(Call &call);
SyscallResult sys_getppid(Call &call);
SyscallResult sys_gettid(Call &call);
SyscallResult sys_getpgid(Call &call, int);
SyscallResult sys_setpgid(Call &call, int, int);
SyscallResult sys_getpgrp(Call &call);
SyscallResult sys_getsid(Call &call, int);
SyscallResult sys_setsid(Call &call);
SyscallResult sys_set_tid_address(Call &call, GuestAddress);
SyscallResult sys_prctl(Call &call, int, u64, u64, u64, u64);
SyscallResult sys_arch_prctl(Call &call, u64, GuestAddress);
SyscallResult sys_personality(Call &call, u64);
SyscallResult sys_ptrace(Call &call, u64 request, int pid, u64 address, u64 data);
SyscallResult sys_pidfd_open(Call &call, int, u64);
SyscallResult sys_pidfd_send_signal(Call &call, int, int, GuestAddress, u64);
SyscallResult sys_pidfd_getfd(Call &call, int, int, u64);
SyscallResult sys_unshare(Call &call, u64);
SyscallResult sys_setns(Call &call, int, u64);
SyscallResult sys_kcmp(Call &call, int, int, int, u64, u64);
SyscallResult sys_set_robust_list(Call &call, GuestAddress, u64);
SyscallResult sys_get_robust_list(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_sched_yield(Call &call);
SyscallResult sys_sched_setaffinity(Call &call, int, u64, GuestAddress);
SyscallResult sys_sched_getaffinity(Call &call, int, u64, GuestAddress);
SyscallResult sys_sched_setparam(Call &call, int, GuestAddress);
SyscallResult sys_sched_getparam(Call &call, int, GuestAddress);
SyscallResult sys_sched_setscheduler(Call &call, int, int, GuestAddress);
SyscallResult sys_sched_getscheduler(Call &call, int);
SyscallResult sys_sched_get_priority_max(Call &call, int);
SyscallResult sys_sched_get_priority_min(Call &call, int);
SyscallResult sys_sched_rr_get_interval(Call &call, int, GuestAddress);
SyscallResult sys_sched_setattr(Call &call, int, GuestAddress, u64);
SyscallResult sys_sched_getattr(Call &call, int, GuestAddress, u64, u64);
SyscallResult sys_getpriority(Call &call, int, int);
SyscallResult sys_setpriority(Call &call, int, int, int);
SyscallResult sys_ioprio_get(Call &call, int, int);
SyscallResult sys_ioprio_set(Call &call, int, int, int);
SyscallResult sys_seccomp(Call &call, int, u64, GuestAddress);
SyscallResult sys_acct(Call &call, GuestAddress);

// identity*.cc
SyscallResult sys_getuid(Call &call);
SyscallResult sys_geteuid(Call &call);
SyscallResult sys_getgid(Call &call);
SyscallResult sys_getegid(Call &call);
SyscallResult sys_setuid(Call &call, int);
SyscallResult sys_setgid(Call &call, int);
SyscallResult sys_setreuid(Call &call, int, int);
SyscallResult sys_setregid(Call &call, int, int);
SyscallResult sys_setresuid(Call &call, int, int, int);
SyscallResult sys_getresuid(Call &call, GuestAddress, GuestAddress, GuestAddress);
SyscallResult sys_setresgid(Call &call, int, int, int);
SyscallResult sys_getresgid(Call &call, GuestAddress, GuestAddress, GuestAddress);
SyscallResult sys_setfsuid(Call &call, int);
SyscallResult sys_setfsgid(Call &call, int);
SyscallResult sys_getgroups(Call &call, int, GuestAddress);
SyscallResult sys_setgroups(Call &call, int, GuestAddress);
SyscallResult sys_capget(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_capset(Call &call, GuestAddress, GuestAddress);

// signal*.cc
SyscallResult sys_rt_sigaction(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_rt_sigprocmask(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_rt_sigpending(Call &call, GuestAddress, u64);
SyscallResult sys_rt_sigsuspend(Call &call, GuestAddress, u64);
SyscallResult sys_rt_sigtimedwait(Call &call, GuestAddress, GuestAddress, GuestAddress, u64);
SyscallResult sys_rt_sigqueueinfo(Call &call, int, int, GuestAddress);
SyscallResult sys_rt_tgsigqueueinfo(Call &call, int, int, int, GuestAddress);
SyscallResult sys_rt_sigreturn(Call &call);
SyscallResult sys_sigaltstack(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_kill(Call &call, int, int);
SyscallResult sys_tkill(Call &call, int, int);
SyscallResult sys_tgkill(Call &call, int, int, int);
SyscallResult sys_pause(Call &call);
SyscallResult sys_restart_syscall(Call &call);

// time*.cc
SyscallResult sys_nanosleep(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_clock_nanosleep(Call &call, int, u64, GuestAddress, GuestAddress);
SyscallResult sys_clock_gettime(Call &call, int, GuestAddress);
SyscallResult sys_clock_settime(Call &call, int, GuestAddress);
SyscallResult sys_clock_getres(Call &call, int, GuestAddress);
SyscallResult sys_clock_adjtime(Call &call, int, GuestAddress);
SyscallResult sys_gettimeofday(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_settimeofday(Call &call, GuestAddress, GuestAddress);
SyscallResult sys_adjtimex(Call &call, GuestAddress);
SyscallResult sys_time(Call &call, GuestAddress);
SyscallResult sys_times(Call &call, GuestAddress);
SyscallResult sys_alarm(Call &call, u32);
SyscallResult sys_setitimer(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_getitimer(Call &call, int, GuestAddress);
SyscallResult sys_timer_create(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_timer_settime(Call &call, int, u64, GuestAddress, GuestAddress);
SyscallResult sys_timer_gettime(Call &call, int, GuestAddress);
SyscallResult sys_timer_getoverrun(Call &call, int);
SyscallResult sys_timer_delete(Call &call, int);
SyscallResult sys_getrusage(Call &call, int, GuestAddress);

// futex*.cc
SyscallResult sys_futex(Call &call, GuestAddress, u32, u64, u64, GuestAddress, u64);

// system*.cc
SyscallResult sys_uname(Call &call, GuestAddress);
SyscallResult sys_sysinfo(Call &call, GuestAddress);
SyscallResult sys_getrandom(Call &call, GuestAddress, u64, u64);
SyscallResult sys_getrlimit(Call &call, int, GuestAddress);
SyscallResult sys_setrlimit(Call &call, int, GuestAddress);
SyscallResult sys_prlimit64(Call &call, int, int, GuestAddress, GuestAddress);
SyscallResult sys_sethostname(Call &call, GuestAddress, u64);
SyscallResult sys_setdomainname(Call &call, GuestAddress, u64);
SyscallResult sys_syslog(Call &call, int, GuestAddress, int);
SyscallResult sys_getcpu(Call &call, GuestAddress, GuestAddress, GuestAddress);
SyscallResult sys_reboot(Call &call, u32, u32, u32, GuestAddress);
SyscallResult sys_swapon(Call &call, GuestAddress, u64);
SyscallResult sys_swapoff(Call &call, GuestAddress);
SyscallResult sys_vhangup(Call &call);
SyscallResult sys_quotactl(Call &call, u64, GuestAddress, int, GuestAddress);
SyscallResult sys_sysfs(Call &call, int, u64, u64);

// sockets*.cc
SyscallResult sys_socket(Call &call, int, u64, int);
SyscallResult sys_socketpair(Call &call, int, u64, int, GuestAddress);
SyscallResult sys_bind(Call &call, int, GuestAddress, u64);
SyscallResult sys_listen(Call &call, int, int);
SyscallResult sys_accept(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_accept4(Call &call, int, GuestAddress, GuestAddress, u64);
SyscallResult sys_connect(Call &call, int, GuestAddress, u64);
SyscallResult sys_getsockname(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_getpeername(Call &call, int, GuestAddress, GuestAddress);
SyscallResult sys_setsockopt(Call &call, int, int, int, GuestAddress, u64);
SyscallResult sys_getsockopt(Call &call, int, int, int, GuestAddress, GuestAddress);
SyscallResult sys_sendto(Call &call, int, GuestAddress, u64, u64, GuestAddress, u64);
SyscallResult sys_recvfrom(Call &call, int, GuestAddress, u64, u64, GuestAddress, GuestAddress);
SyscallResult sys_sendmsg(Call &call, int, GuestAddress, u64);
SyscallResult sys_recvmsg(Call &call, int, GuestAddress, u64);
SyscallResult sys_sendmmsg(Call &call, int, GuestAddress, u32, u64);
SyscallResult sys_recvmmsg(Call &call, int, GuestAddress, u32, u64, GuestAddress);
SyscallResult sys_shutdown(Call &call, int, int);

// ipc*.cc
SyscallResult sys_shmget(Call &call, int, u64, int);
SyscallResult sys_shmat(Call &call, int, GuestAddress, int);
SyscallResult sys_shmdt(Call &call, GuestAddress);
SyscallResult sys_shmctl(Call &call, int, int, GuestAddress);
SyscallResult sys_semget(Call &call, int, int, int);
SyscallResult sys_semop(Call &call, int, GuestAddress, u32);
SyscallResult sys_semtimedop(Call &call, int, GuestAddress, u32, GuestAddress);
SyscallResult sys_semctl(Call &call, int, int, int, u64);
SyscallResult sys_msgget(Call &call, int, int);
SyscallResult sys_msgsnd(Call &call, int, GuestAddress, u64, int);
SyscallResult sys_msgrcv(Call &call, int, GuestAddress, u64, i64, int);
SyscallResult sys_msgctl(Call &call, int, int, GuestAddress);
SyscallResult sys_mq_open(Call &call, GuestAddress, u32, u32, GuestAddress);
SyscallResult sys_mq_unlink(Call &call, GuestAddress);
SyscallResult sys_mq_timedsend(Call &call, int, GuestAddress, u64, u32, GuestAddress);
SyscallResult sys_mq_timedreceive(Call &call, int, GuestAddress, u64, GuestAddress, GuestAddress);
SyscallResult sys_mq_notify(Call &call, int, GuestAddress);
SyscallResult sys_mq_getsetattr(Call &call, int, GuestAddress, GuestAddress);

// aio.cc
SyscallResult sys_io_setup(Call &call, u32, GuestAddress);
SyscallResult sys_io_destroy(Call &call, u64);
SyscallResult sys_io_submit(Call &call, u64, i64, GuestAddress);
SyscallResult sys_io_cancel(Call &call, u64, GuestAddress, GuestAddress);
SyscallResult sys_io_getevents(Call &call, u64, i64, i64, GuestAddress, GuestAddress);
SyscallResult sys_io_pgetevents(Call &call, u64, i64, i64, GuestAddress, GuestAddress,
                                GuestAddress);

// futex_waitv.cc, rseq.cc, memory_access.cc
SyscallResult sys_futex_waitv(Call &call, GuestAddress, u32, u32, GuestAddress, int);
SyscallResult sys_rseq(Call &call, GuestAddress, u32, int, u32);
SyscallResult sys_process_mrelease(Call &call, int, u32);
SyscallResult sys_process_madvise(Call &call, int, GuestAddress, u64, int, u32);

} // namespace tine::syscall
