// A small pool of threads of our own: OpenMP would clash with the runtimes of other libraries,
// and hangs after fork().
#pragma once
#include <cstdint>
#include <functional>

namespace luce {

// body(task, worker): task in 0..tasks-1 in any order; worker 0 is the caller, others 1, 2, ...,
// less than the number of threads asked for.
using Body = std::function<void(int64_t task, int worker)>;

// Run all tasks on at most so many threads and return. Runs them on the calling thread where another
// caller has the pool.
void run(int64_t tasks, int threads, const Body& body);

// Whether a thread is looking around for work, so that giving it some costs next to nothing.
bool workers_are_awake();

int num_threads();
void set_num_threads(int n);

}  // namespace luce
