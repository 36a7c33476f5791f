# Every register as base, index and data at once: a translator that keeps some of the guest's registers in
# memory, or renames them, has a case of its own for each.
.include "case.inc"

.macro base_index_data base, index
  .ifc \base, \index
    mov \base, (WINDOW + 0x1800) / 2
    add [\base + \base], \base
    add \base, [\base + \base]
    mov \base, (WINDOW + 0x1800) / 2
    lea \base, [\base + \base + 8]
    mov [\base], \base
  .else
    mov \base, WINDOW + 0x1800
    mov \index, 0x40
    add [\base + \index * 2], \base
    add [\base + \index * 4 + 8], \index
    add \index, [\base + \index * 8]
    mov \index, 0x30
    xchg \base, [\base + \index]
    mov \base, WINDOW + 0x1800
    imul \base, [\base + \index * 2 + 1], 3
    mov \base, WINDOW + 0x1800
    mov \index, -5
    lock xadd [\base + \index * 8], \index
  .endif
.endm

.macro base_cases base
case registers_base_\base
  mov r15, rsp
  .irp index, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14
  base_index_data \base, \index
  .endr
  mov rsp, r15
end_case registers_base_\base
.endm
.irp base, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14
base_cases \base
.endr

case registers_r15_as_base_index_data
  mov r14, rsp
  .irp index, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r15
  base_index_data r15, \index
  .endr
  mov rsp, r14
end_case registers_r15_as_base_index_data

case registers_r15_as_index
  mov r14, rsp
  .irp base, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13
  base_index_data \base, r15
  .endr
  mov rsp, r14
end_case registers_r15_as_index

# No base, no index, and those registers whose encoding as base differs.
case registers_address_forms
  mov rbp, rbx
  mov r12, rbx
  mov r13, rbx
  mov rax, [rbp]
  add rax, [rbp + 0x12]
  add rax, [rbp + 0x1234]
  add rax, [r12]
  add rax, [r12 + 0x12]
  add rax, [r12 + 0x123]
  add rax, [r13]
  add rax, [r13 + 0x12]
  mov rcx, 3
  add rax, [r13 + rcx * 8]
  add rax, [rbp + rcx * 4 + 0x10]
  add rax, [r12 + rcx]
  mov r12, 5
  add rax, [rbx + r12 * 8]
  add rax, [rsp]
  add rax, [rsp + r12]
  add rax, [rsp + 0x40]
  add rax, [rsp + r13 * 1 - WINDOW - 0x2000]
  add rax, [rsp - 8]
  add rax, ds:[WINDOW + 0x123]
  add rax, [rcx * 8 + WINDOW]
  add rax, [ebx]
  add rax, [ebx + ecx * 2 + 4]
  mov rdx, 0x1234567800000000
  or rdx, rbx
  add rax, [edx + 8]
  mov ds:[WINDOW + 0x1000], rax
end_case registers_address_forms

# A 32-bit address wraps at 4 GiB; a negative index subtracts.
case registers_address_wraps
  mov ecx, 0xffffffff
  mov rdx, -1
  mov rax, [ebx + ecx + 9]
  add rax, [rbx + rdx * 8]
  mov rsi, 0x8000000000000000
  lea rdi, [rbx + rsi]
  add rax, [rdi + rsi]
  mov r8, 0x4000000000000000
  add rax, [rbx + r8 * 4]
end_case registers_address_wraps

case registers_high_bytes
  mov ah, [rbx]
  add ah, [rbx + 1]
  mov ch, ah
  add [rbx + 2], ch
  mov dh, [rbx + 3]
  sub dh, ch
  mov [rbx + 4], dh
  xchg [rbx + 5], dh
  mov rsi, rbx
  mov bh, [rsi + 6]
  add [rsi + 7], bh
  mov rbx, rsi
  mov al, [rbx + 8]
  lock cmpxchg [rbx + 8], ch
  lock cmpxchg [rbx + 9], ah
  lock xadd [rbx + 10], dh
  mov rax, rbx
  mov ah, [rax + 1]
  mov rcx, rbx
  mov ch, [rcx]
  mov rdx, rbx
  mov [rdx + 11], dh
  mov rax, rbx
  mov [rax + 12], ah
  mov rcx, rbx
  mov esi, 4
  adc ch, [rcx + rsi * 2]
  mov ebx, ebx
  test [rsi + WINDOW], bh
  seta ch
  movzx edi, ch
  movsx edi, ah
  mul ah
  shl bh, 3
  rol dh, cl
  neg ch
  not ah
  inc bh
  cmp ah, 0x7f
end_case registers_high_bytes

case registers_low_bytes_with_rex
  mov rsi, rbx
  mov rdi, rbx
  mov rbp, rbx
  add spl, 0
  mov [rbx + 1], sil
  mov [rbx + 2], dil
  mov [rbx + 3], bpl
  mov [rbx + 4], spl
  mov sil, [rsi + 5]
  mov dil, [rdi + 6]
  add bpl, [rbp + 7]
  mov r10, rbx
  mov r11, rbx
  mov r10b, [r10 + 8]
  add [rbx + 9], r10b
  mov r11b, [r11 + 10]
  add [rbx + 11], r11b
  mov r10, rbx
  movzx r10d, byte ptr [r10]
  movsxd r11, dword ptr [r11 + 3]
end_case registers_low_bytes_with_rex

# Writing a 32-bit register clears the upper half; 8 and 16 bits keep it.
case registers_partial_writes
  .irp reg, eax, ecx, edx, esi, edi, ebp, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
  mov \reg, [rbx + 4]
  .endr
  .irp reg, ax, cx, dx, si, di, bp, r8w, r9w, r10w, r11w, r12w, r13w, r14w, r15w
  add \reg, [rbx + 2]
  .endr
  .irp reg, al, cl, dl, sil, dil, bpl, r8b, r9b, r10b, r11b, r12b, r13b, r14b, r15b
  xor \reg, [rbx + 1]
  .endr
  cmovz r10d, [rbx]
  cmovnz r11d, [rbx]
  cmovz eax, r10d
  bswap r10
  bswap r11d
  xchg r10d, r11d
  xchg rax, r10
  xchg rax, r11
  cmpxchg r10, r11
  xadd r11, r10
end_case registers_partial_writes

case registers_implicit
  mov rdx, [rbx]
  mov rax, [rbx + 8]
  mul qword ptr [rbx + 16]
  imul dword ptr [rbx + 4]
  mov edx, 3
  div qword ptr [rbx + 24]
  mov eax, -77
  cdq
  idiv dword ptr [rbx + 9]
  mov cl, 13
  shl qword ptr [rbx], cl
  shrd [rbx + 8], rdx, cl
  rcl dword ptr [rbx + 3], cl
  shlx r10, [rbx], r11
  mulx r10, r11, [rbx + 2]
  pdep r11, r10, [rbx + 3]
  pext r10, r11, [rbx + 5]
  cbw
  cwde
  cdqe
  cqo
  xor ecx, ecx
  shl r10, cl
  shr r11d, cl
end_case registers_implicit

