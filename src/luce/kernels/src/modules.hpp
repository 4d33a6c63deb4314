// The parts of the Python face: each adds its functions to the module.
#pragma once

#include <nanobind/nanobind.h>

namespace luce {

void bind_functions(nanobind::module_& m);
void bind_losses(nanobind::module_& m);
void bind_solvers(nanobind::module_& m);
void bind_text(nanobind::module_& m);
void bind_byte_rows(nanobind::module_& m);

}  // namespace luce
