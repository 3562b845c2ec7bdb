/* Hides from a process all vector instructions of its processor that are newer than AVX2: AVX-512, VNNI, AMX.

   Loaded before a program (LD_PRELOAD), it has Linux stop the program at each cpuid instruction (arch_prctl, ARCH_CPUID,
   of processors with "cpuid_fault" in /proc/cpuinfo), and answers in the processor's place without the bits of those
   instructions. Bits: Intel, Software Developer's Manual, volume 2A, CPUID, leaf 07H. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_CPUID 0x1012 /* as in the kernel's asm/prctl.h */
#define BIT(number) (1u << (number))

enum { FEATURES = 7 };
static const uint32_t AVX512_EBX = BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31);
static const uint32_t AVX512_ECX = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14); /* bit 11: VNNI */
static const uint32_t AVX512_AMX_EDX = BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25);
static const uint32_t SECOND_EAX = BIT(4) | BIT(5) | BIT(21) | BIT(23); /* AVX-VNNI, bfloat16, AMX-FP16, AVX-IFMA */
static const uint32_t SECOND_EDX = BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19); /* AVX-VNNI-INT8 and later */

static void let_cpuid_run(long yes) { syscall(SYS_arch_prctl, ARCH_CPUID, yes); }

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    (void)number, (void)info;
    if (code[0] != 0x0f || code[1] != 0xa2) { /* no cpuid: a fault of the program itself */
        abort();
    }
    uint32_t leaf = (uint32_t)registers[REG_RAX], part = (uint32_t)registers[REG_RCX];
    uint32_t a = leaf, b, c = part, d;
    let_cpuid_run(1);
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    let_cpuid_run(0);
    if (leaf == FEATURES && part == 0) {
        b &= ~AVX512_EBX;
        c &= ~AVX512_ECX;
        d &= ~AVX512_AMX_EDX;
    } else if (leaf == FEATURES && part == 1) {
        a &= ~SECOND_EAX;
        d &= ~SECOND_EDX;
    }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

typedef int (*set_action)(int, const struct sigaction *, struct sigaction *);

/* Stands before the C library's own: a library that wants to be told of faults must not take the place of the answer. */
int sigaction(int number, const struct sigaction *how, struct sigaction *before) {
    set_action real = (set_action)dlsym(RTLD_NEXT, "sigaction");
    return real(number, number == SIGSEGV ? 0 : how, before);
}

sighandler_t signal(int number, sighandler_t handler) {
    struct sigaction how = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    return sigaction(number, &how, &before) ? SIG_ERR : before.sa_handler;
}

__attribute__((constructor)) static void hide(void) {
    struct sigaction how = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    ((set_action)dlsym(RTLD_NEXT, "sigaction"))(SIGSEGV, &how, 0);
    let_cpuid_run(0);
}
