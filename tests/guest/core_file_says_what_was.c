// core(5): "The default action of certain signals is to cause a process to terminate and produce a
// core dump file"; RLIMIT_CORE, dumpable; wait(2): WCOREDUMP. Where core_pattern is "core".
#include "check.h"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/procfs.h>

static char marker[] = "memory that is in the core file";
static char *core;
static size_t size;

static int crash(rlim_t limit, int dumpable, int signal) {
  pid_t child = fork();
  if (child == 0) {
    struct rlimit wanted = {limit, RLIM_INFINITY};
    NEED(setrlimit(RLIMIT_CORE, &wanted) == 0 && prctl(PR_SET_DUMPABLE, dumpable) == 0);
    marker[0] = 'M';
    raise(signal);
    _exit(1);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child);
  return status;
}
static void *note(int type, size_t least) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)core;
  Elf64_Phdr *segments = (Elf64_Phdr *)(core + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i)
    for (size_t at = 0; segments[i].p_type == PT_NOTE && at < segments[i].p_filesz;) {
      Elf64_Nhdr *one = (Elf64_Nhdr *)(core + segments[i].p_offset + at);
      char *contents = (char *)(one + 1) + ((one->n_namesz + 3) & ~3U);
      if (one->n_type == (unsigned)type && one->n_descsz >= least)
        return contents;
      at += (size_t)(contents - (char *)one) + ((one->n_descsz + 3) & ~3U);
    }
  return NULL;
}
/// What the core file has at an address; null if it hasn't.
static char *memory_at(uint64_t address) {
  Elf64_Ehdr *header = (Elf64_Ehdr *)core;
  Elf64_Phdr *segments = (Elf64_Phdr *)(core + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i)
    if (segments[i].p_type == PT_LOAD && address >= segments[i].p_vaddr &&
        address - segments[i].p_vaddr < segments[i].p_filesz)
      return core + segments[i].p_offset + (address - segments[i].p_vaddr);
  return NULL;
}

int main(void) {
  int status = crash(0, 1, SIGSEGV);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && !WCOREDUMP(status));
  CHECK(access("core", F_OK) == -1);
  status = crash(RLIM_INFINITY, 0, SIGSEGV);
  CHECK(WTERMSIG(status) == SIGSEGV && !WCOREDUMP(status) && access("core", F_OK) == -1);
  status = crash(RLIM_INFINITY, 1, SIGTERM);
  CHECK(WTERMSIG(status) == SIGTERM && !WCOREDUMP(status) && access("core", F_OK) == -1);
  status = crash(RLIM_INFINITY, 1, SIGQUIT);
  CHECK(WTERMSIG(status) == SIGQUIT && WCOREDUMP(status));
  struct stat state;
  CHECK(stat("core", &state) == 0 && (state.st_mode & 07777) == 0600);
  int file = open("core", O_RDONLY);
  NEED(file >= 0);
  size = (size_t)state.st_size;
  core = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  NEED(core != MAP_FAILED);
  Elf64_Ehdr *header = (Elf64_Ehdr *)core;
  CHECK(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_type == ET_CORE &&
        header->e_machine == EM_X86_64);
  prstatus_t *thread = note(NT_PRSTATUS, sizeof *thread);
  prpsinfo_t *process = note(NT_PRPSINFO, sizeof *process);
  siginfo_t *signal = note(NT_SIGINFO, sizeof *signal);
  Elf64_auxv_t *auxiliary = note(NT_AUXV, sizeof *auxiliary);
  NEED(thread && process && signal && auxiliary);
  CHECK(thread->pr_cursig == SIGQUIT && thread->pr_ppid == getpid());
  CHECK(process->pr_pid == thread->pr_pid && strstr(process->pr_fname, "core_file") != NULL);
  CHECK(strstr(process->pr_psargs, "core_file_says_what_was") != NULL);
  CHECK(signal->si_signo == SIGQUIT && signal->si_pid == thread->pr_pid);
  CHECK(note(NT_FPREGSET, 512) != NULL && note(NT_FILE, 16) != NULL);
  char *there = memory_at((uint64_t)marker);
  CHECK(there != NULL && memcmp(there, "Memory that is", 14) == 0);
  CHECK_THAT(memory_at(thread->pr_reg[19]) != NULL, "the stack is there, at its pointer");
  CHECK(unlink("core") == 0);
  status = crash(8192, 1, SIGQUIT);
  CHECK(stat("core", &state) == -1 || state.st_size <= 8192);
  return finish();
}
