// What Python sees of the counts of terms.
#pragma once
#include <nanobind/nanobind.h>

namespace luce {
void bind_text(nanobind::module_& m);
}
