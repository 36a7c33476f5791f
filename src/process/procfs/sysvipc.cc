// /proc/sysvipc: the System V objects, as ipcs(1) of old reads them.
#include "process/ipc/ipc_namespace.hpp"
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"

#include <fmt/format.h>

namespace tine::process {
namespace {

std::string shm_text(SharedMemory &shared_memory) {
  std::string text =
      "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
      "      atime      dtime      ctime                   rss                  swap\n";
  for (const auto &[index, entry] : shared_memory.segments().all()) {
    const IpcPermissions &ids = entry.permissions;
    text += fmt::format("{:10} {:10}  {:4o} {:21} {:5} {:5}  {:5} {:5} {:5} {:5} {:5} {:10} {:10} "
                        "{:10} {:21} {:21}\n",
                        ids.key, ids.id, ids.mode, entry.segment->size(), entry.creator.value,
                        entry.last.value, entry.segment->attachments(), ids.uid, ids.gid,
                        ids.creator_uid, ids.creator_gid, entry.attach_time, entry.detach_time,
                        entry.change_time, entry.segment->resident_pages() << page_shift, 0);
  }
  return text;
}

std::string sem_text(Semaphores &semaphores) {
  std::string text = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
                     "      ctime\n";
  for (const auto &[index, set] : semaphores.sets().all()) {
    const IpcPermissions &ids = set.permissions;
    text += fmt::format("{:10} {:10}  {:4o} {:10} {:5} {:5} {:5} {:5} {:10} {:10}\n", ids.key,
                        ids.id, ids.mode, set.semaphores.size(), ids.uid, ids.gid, ids.creator_uid,
                        ids.creator_gid, set.operation_time, set.change_time);
  }
  return text;
}

std::string msg_text(MessageQueues &message_queues) {
  std::string text =
      "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
      "      stime      rtime      ctime\n";
  for (const auto &[index, queue] : message_queues.queues().all()) {
    const IpcPermissions &ids = queue.permissions;
    text += fmt::format("{:10} {:10}  {:4o}  {:10} {:10} {:5} {:5} {:5} {:5} {:5} {:5} {:10} {:10} "
                        "{:10}\n",
                        ids.key, ids.id, ids.mode, queue.bytes, queue.messages.size(),
                        queue.last_sender.value, queue.last_receiver.value, ids.uid, ids.gid,
                        ids.creator_uid, ids.creator_gid, queue.send_time, queue.receive_time,
                        queue.change_time);
  }
  return text;
}

} // namespace

void add_system_v_ipc(fs::PseudoFs &fs, Kernel &kernel) {
  const Ref<fs::PseudoDirectory> directory = fs.root_directory()->directory("sysvipc");
  const auto add = [&](const char *name, std::string (*text)(IpcNamespace &)) {
    directory->add(name, fs.file({.mode = 0444}, [&kernel, text]() -> Result<std::string> {
      const Thread *reader = current_thread(kernel);
      return text(reader ? ipc_of(*reader) : *kernel.ipc);
    }));
  };
  add("shm", [](IpcNamespace &ipc) { return shm_text(ipc.shared_memory); });
  add("sem", [](IpcNamespace &ipc) { return sem_text(ipc.semaphores); });
  add("msg", [](IpcNamespace &ipc) { return msg_text(ipc.message_queues); });
}

} // namespace tine::process
