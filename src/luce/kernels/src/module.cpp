// The Python face: buffers in, no checks beyond what memory safety needs (`_checks` words errors).
#include <nanobind/nanobind.h>

#include <cstring>
#include <vector>

#include "arrays.hpp"
#include "modules.hpp"
#include "pool.hpp"

namespace luce {

#if defined(__x86_64__)
Kernels baseline();
Kernels avx2();
Kernels avx512();
#ifdef LUCE_WIDE_TEST
Kernels avx2x2();
#endif
#elif defined(__aarch64__)
Kernels neon();
#else
Kernels baseline();
#endif

Kernels active;

namespace {

struct Choice {
  const char* name;
  Kernels (*table)();
  bool understood;
};

// Best first.
std::vector<Choice> choices() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return {{"avx512", avx512, v4},
          {"avx2", avx2, v3},
#ifdef LUCE_WIDE_TEST
          {"avx2x2", avx2x2, v3},  // the code of avx512 in halves, to test it where that is not
#endif
          {"baseline", baseline, bool(__builtin_cpu_supports("sse4.2"))}};
#elif defined(__aarch64__)
  return {{"neon", neon, true}};
#else
  return {{"baseline", baseline, true}};
#endif
}

nb::list available() {
  nb::list names;
  for (const Choice& choice : choices())
    if (choice.understood) names.append(choice.name);
  return names;
}

void select(const char* name) {
  for (const Choice& choice : choices())
    if (choice.understood && std::strcmp(name, choice.name) == 0) {
      active = choice.table();
      return;
    }
  throw nb::value_error("not an available instruction set");
}

}  // namespace
}  // namespace luce

NB_MODULE(_native, m) {
  m.def("available", luce::available);
  m.def("select", luce::select);
  m.def("get_num_threads", luce::num_threads);
  m.def("set_num_threads", luce::set_num_threads);
  luce::bind_functions(m);
  luce::bind_losses(m);
  luce::bind_solvers(m);
  luce::bind_text(m);
  luce::bind_byte_rows(m);
}
