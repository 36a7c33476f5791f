/* tine from C: run Linux programs in a box, and fork the box while it runs. All of tine.hpp, which
   says more of each function; and what bindings of other languages call.

     struct tine_options options = {.arguments = (const char *[]){"python3", "app.py", NULL}};
     tine_box *box = tine_box_start(&options);
     if (box == NULL || tine_box_read_until(box, "ready", -1) != 1)
       errx(1, "%s", tine_error());
     tine_box *copy = tine_box_fork(box, NULL);

   A function that fails returns NULL or -1, and tine_error() says why. Any thread may call, one at
   a time for each box. Times are in milliseconds, negative ones for ever. */
#ifndef TINE_TINE_H
#define TINE_TINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TINE_API __attribute__((visibility("default")))

typedef struct tine_box tine_box;

/* Where a standard stream of a box leads. The default of input and output is a pipe, that of error
   this program's own. */
enum tine_stream {
  TINE_STREAM_DEFAULT = 0,
  TINE_STREAM_PIPE,    /* to this program: tine_box_write(), tine_box_read_line() */
  TINE_STREAM_INHERIT, /* where this program's own leads */
  TINE_STREAM_NULL     /* /dev/null */
};

struct tine_streams {
  enum tine_stream input, output, error;
};

/* A directory of the host that the box sees. */
struct tine_bind {
  const char *source, *target;
  int writable;
};

/* A file of the host that the box has as /run/secrets/NAME, and forks have not. */
struct tine_secret {
  const char *source, *name;
};

/* All zero but `arguments` is the default. */
struct tine_options {
  const char *const *arguments;   /* the program and its arguments, up to NULL */
  const char *const *environment; /* "NAME=value", up to NULL; NULL: this program's */
  const char *root;               /* host directory that the box sees as /; NULL: / */
  const struct tine_bind *binds;  /* bind_count of them */
  size_t bind_count;
  const struct tine_secret *secrets; /* secret_count of them */
  size_t secret_count;
  const char *working_directory; /* NULL: / */
  const char *hostname;          /* NULL: tine */
  int host_network;
  struct tine_streams streams;
  unsigned vcpus;        /* 0: one for each core */
  uint64_t memory_bytes; /* most memory of the box and all its forks; 0: 64 GiB */
};

/* What a fork has beside what it is a copy of. All zero is the default. */
struct tine_fork_options {
  struct tine_streams streams;
  int listen;  /* with host_network: sockets that listen do so in the fork, too */
  int secrets; /* the fork has the secret files, too */
};

/* How a saved box goes on. All zero is the default. */
struct tine_restore_options {
  struct tine_streams streams;
  const char *const *writable; /* host directories that were writable binds and may be so again, up
                                  to NULL; NULL: none */
  int host_network;            /* whether it may go on using the host's network */
  unsigned vcpus;              /* as of tine_options */
  uint64_t memory_bytes;
};

/* What went wrong last in this thread, for a person; valid until the thread's next call. */
TINE_API const char *tine_error(void);
/* Gives back what a function below returned by a `char **`. */
TINE_API void tine_free(void *memory);

TINE_API tine_box *tine_box_start(const struct tine_options *options);
/* A copy at this instant; `options` NULL: the defaults. */
TINE_API tine_box *tine_box_fork(tine_box *box, const struct tine_fork_options *options);
/* Writes the box at this instant to a file, while it runs on. 0. */
TINE_API int tine_box_save(tine_box *box, const char *path);
/* A box that goes on from where it was saved; `options` NULL: the defaults. */
TINE_API tine_box *tine_box_restore(const char *path, const struct tine_restore_options *options);
/* Ends the box with all its processes. NULL is none. */
TINE_API void tine_box_free(tine_box *box);

/* 1; 0 if nobody reads any more. */
TINE_API int tine_box_write(tine_box *box, const void *bytes, size_t size);
TINE_API void tine_box_close_input(tine_box *box);
/* 1 with the next line of output in *line, ending in a zero byte, to be given to tine_free(); 0 at
   the end of output and after the time. */
TINE_API int tine_box_read_line(tine_box *box, char **line, size_t *size, long milliseconds);
/* 1 when a line of output was `line`; 0 at the end of output and after the time. */
TINE_API int tine_box_read_until(tine_box *box, const char *line, long milliseconds);
/* All that comes until the output ends, as of tine_box_read_line(). */
TINE_API int tine_box_read_all(tine_box *box, char **bytes, size_t *size);

/* 1 when the box stands still before a system call of that name; 0 if it ended, or in time did not
   come to it. */
TINE_API int tine_box_run_until_call(tine_box *box, const char *name, long milliseconds);
/* 1 when the box ran for so long and stands still; 0 if it has ended. */
TINE_API int tine_box_run_for(tine_box *box, long milliseconds);
TINE_API int tine_box_pause(tine_box *box);
TINE_API int tine_box_resume(tine_box *box);

/* How many processes the box has; the pids of the first `room` of them are stored. */
TINE_API long tine_box_processes(tine_box *box, int *pids, size_t room);
/* 0. */
TINE_API int tine_box_read_memory(tine_box *box, int process, uint64_t address, void *bytes,
                                  size_t size);
TINE_API int tine_box_write_memory(tine_box *box, int process, uint64_t address, const void *bytes,
                                   size_t size);
TINE_API int tine_box_read_file(tine_box *box, const char *path, char **bytes, size_t *size);
TINE_API int tine_box_write_file(tine_box *box, const char *path, const void *bytes, size_t size,
                                 unsigned mode);

/* Waits for the end of the first process: its exit status, 128 + n if signal n killed it. */
TINE_API int tine_box_wait(tine_box *box);
/* 1 with the status, if it has ended; else 0. */
TINE_API int tine_box_exit_status(tine_box *box, int *status);
/* SIGKILL to every process. */
TINE_API int tine_box_kill(tine_box *box);

#ifdef __cplusplus
}
#endif

#endif
