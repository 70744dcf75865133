#include "detect.h"

struct hypervisor_info hypervisor;

struct cpuid {
  u32 eax, ebx, ecx, edx;
};

static struct cpuid cpuid(u32 leaf) {
  struct cpuid r;
  __asm__ volatile("cpuid"
                   : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                   : "a"(leaf), "c"(0));
  return r;
}

enum {
  LEAF_FEATURES = 1,
  LEAF_VENDOR = 0x40000000,
  LEAF_INTERFACE = 0x40000001,
  LEAF_PRIVILEGES = 0x40000003,
  LEAF_RECOMMENDATIONS = 0x40000004,
  HYPERVISOR_BIT = 1u << 31,   // leaf 1 ECX
  INTERFACE_HV1 = 0x31237648,  // "Hv#1"
};

bool detect_hypervisor(void) {
  // Without this bit the leaves from 0x40000000 up mean nothing.
  if (!(cpuid(LEAF_FEATURES).ecx & HYPERVISOR_BIT)) return false;

  struct cpuid vendor = cpuid(LEAF_VENDOR);
  hypervisor.highest_leaf = vendor.eax;
  memcpy(hypervisor.vendor, &vendor.ebx, 4);
  memcpy(hypervisor.vendor + 4, &vendor.ecx, 4);
  memcpy(hypervisor.vendor + 8, &vendor.edx, 4);
  if (memcmp(hypervisor.vendor, "Microsoft Hv", 12) != 0) return false;
  if (vendor.eax < 0x40000005 || vendor.eax > 0x4000FFFF) return false;
  // The vendor's name says who made it; the interface says what it understands.
  if (cpuid(LEAF_INTERFACE).eax != INTERFACE_HV1) return false;

  struct cpuid privileges = cpuid(LEAF_PRIVILEGES);
  hypervisor.msr_privileges = privileges.eax;
  hypervisor.hypercall_privileges = privileges.ebx;
  hypervisor.features = privileges.edx;
  hypervisor.recommendations = cpuid(LEAF_RECOMMENDATIONS).eax;
  hypervisor.present = true;
  return true;
}
