# rep movs, stos, cmps, scas, lods: counts of zero, both directions, across pages, overlapping, into a
# fault.
.include "case.inc"

.macro repeated name, prefix, instruction, count, source, destination, direction
case strings_\name, sweep
  \direction
  mov rcx, \count
  lea rsi, [rbx + \source]
  lea rdi, [rbx + \destination]
  \prefix \instruction
  pushfq
  cld
end_case strings_\name
.endm

.irp size, b, w, d, q
repeated movs\size\()_zero, rep, movs\size, 0, 0, 100, cld
repeated movs\size\()_one, rep, movs\size, 1, 0, 100, cld
repeated movs\size\()_across, rep, movs\size, 70, -300, 700, cld
repeated movs\size\()_down, rep, movs\size, 70, 300, 700, std
repeated movs\size\()_overlap, rep, movs\size, 60, 0, 3, cld
repeated movs\size\()_overlap_down, rep, movs\size, 60, 3, 0, std
repeated movs\size\()_same, rep, movs\size, 60, 0, 0, cld
repeated stos\size\()_zero, rep, stos\size, 0, 0, 0, cld
repeated stos\size\()_across, rep, stos\size, 90, 0, -100, cld
repeated stos\size\()_down, rep, stos\size, 90, 0, 100, std
repeated lods\size\()_across, rep, lods\size, 30, -20, 0, cld
repeated cmps\size\()_equal, repe, cmps\size, 50, 0, 0, cld
repeated cmps\size\()_differ, repe, cmps\size, 50, 0, 64, cld
repeated cmps\size\()_until_equal, repne, cmps\size, 600, 0, 128, cld
repeated cmps\size\()_zero, repe, cmps\size, 0, 0, 64, cld
repeated scas\size\()_until, repne, scas\size, 500, 0, 0, cld
repeated scas\size\()_while, repe, scas\size, 500, 0, 0, cld
repeated scas\size\()_down, repne, scas\size, 500, 0, 0, std
repeated scas\size\()_zero, repne, scas\size, 0, 0, 0, cld
repeated movs\size\()_repne, repne, movs\size, 20, -50, 100, cld
.endr

# Faults midway: the registers say how far it came.
.macro until_fault name, instruction, source, destination, direction
case strings_fault_\name
  \direction
  mov rcx, 2000
  mov rsi, \source
  mov rdi, \destination
  mov rax, 0x1122334455667788
  rep \instruction
end_case strings_fault_\name
.endm
.irp size, b, w, d, q
until_fault movs\size\()_read_only, movs\size, WINDOW+100, WINDOW_END-1000, cld
until_fault movs\size\()_source, movs\size, ISLAND+0x1000-501, WINDOW+7, cld
until_fault movs\size\()_destination, movs\size, WINDOW+9, ISLAND+0x1000-501, cld
until_fault movs\size\()_down, movs\size, WINDOW+777, WINDOW+0x3000, std
until_fault movs\size\()_destination_down, movs\size, WINDOW+0x3000, ISLAND+333, std
until_fault movs\size\()_both, movs\size, ISLAND+0x1000-160, ISLAND+0x1000-80, cld
until_fault stos\size\()_read_only, stos\size, 0, WINDOW_END-333, cld
until_fault stos\size\()_hole, stos\size, 0, ISLAND+0x1000-77, cld
until_fault stos\size\()_down, stos\size, 0, ISLAND+99, std
until_fault lods\size, lods\size, ISLAND+0x1000-77, 0, cld
until_fault at_once_\size, movs\size, HOLE, WINDOW, cld
.endr

case strings_fault_cmps
  mov rcx, 500
  mov rsi, ISLAND + 0x1000 - 100
  mov rdi, rsi
  repe cmpsb
end_case strings_fault_cmps

case strings_fault_scas
  mov rdi, ISLAND + 0x1000 - 100
  mov rcx, 100
  mov al, 0x5a
  rep stosb
  mov rdi, ISLAND + 0x1000 - 100
  mov rcx, 500
  repe scasb
end_case strings_fault_scas

case strings_32_bit_addresses
  mov rsi, 0x7777777700000000
  or rsi, rbx
  mov rdi, 0x5555555500000000
  lea rdx, [rbx - 200]
  or rdi, rdx
  mov rcx, 0x4444444400000021
  addr32 rep movsb
  mov rcx, 0x4444444400000000
  addr32 rep movsb
  mov edi, ebx
  mov ecx, 9
  addr32 rep stosw
  addr32 movsd
  addr32 lodsb
end_case strings_32_bit_addresses

case strings_memcpy_large
  mov rdi, WINDOW + 3
  mov rsi, WINDOW + 0x2001
  mov ecx, 0x1ff0
  rep movsb
  mov rdi, WINDOW + 0x11
  mov ecx, 0x700
  rep stosq
end_case strings_memcpy_large

case strings_xlat
  mov al, 0x85
  lea rbx, [rbx - 0x90]
  xlatb
  add rbx, 0x50
  xlatb
  addr32 xlatb
end_case strings_xlat

case strings_moffs
  movabs al, [WINDOW + 0xfff]
  movabs ax, [WINDOW + 0x1fff]
  movabs eax, [WINDOW + 0x2ffd]
  movabs rax, [WINDOW + 0x1ffc]
  movabs [WINDOW + 0x1ff9], rax
  movabs [WINDOW + 0xffe], eax
  movabs [WINDOW + 0xff1], ax
  movabs [WINDOW + 0xff3], al
end_case strings_moffs
