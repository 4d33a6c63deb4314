#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace luce {
namespace {

struct Job {
  const Body* body;
  int64_t tasks;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure{};  // the first; the caller throws it once nobody works any more

  void work(int worker) noexcept {
    try {
      for (int64_t task; (task = next.fetch_add(1)) < tasks;) (*body)(task, worker);
    } catch (...) {
      next = tasks;
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  }
};

#ifdef __linux__
// A worker is woken where it last ran. If that is where the caller runs now, Linux may leave both
// on one processor for tens of milliseconds while others are idle; so the worker is sent away.
class Place {
 public:
  explicit Place(pthread_t thread) : thread_(thread) {}
  void remember() { last_ = sched_getcpu(); }
  void leave(int processor) const {
    if (last_ != processor || processor < 0 || processor >= CPU_SETSIZE) return;
    cpu_set_t others;
    if (sched_getaffinity(0, sizeof others, &others) != 0) return;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) > 0) pthread_setaffinity_np(thread_, sizeof others, &others);
  }

 private:
  pthread_t thread_;
  std::atomic<int> last_{-1};
};
inline int current_processor() { return sched_getcpu(); }
#else
struct Place {
  template <class Thread>
  explicit Place(Thread) {}
  void remember() {}
  void leave(int) const {}
};
inline int current_processor() { return -1; }
#endif

// Waking a sleeper takes longer than much of the work: who waits looks around for a moment first.
template <class Condition>
void spin_until(Condition condition) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(50);
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
  } while (Clock::now() < end);
}

class Pool {
 public:
  bool try_run(int64_t tasks, const Body& body, int threads) {
    std::unique_lock<std::mutex> caller(callers_, std::try_to_lock);
    if (!caller) return false;
    grow(threads - 1);
    Job job{&body, tasks};
    int to_wake;
    {
      std::lock_guard<std::mutex> lock(state_);
      job_ = &job;
      places_ = std::min(int(std::min<int64_t>(tasks, threads)) - 1, started_);
      to_wake = std::min(places_.load(), asleep_);
    }
    const int here = current_processor();
    for (const Place& worker : workers_) worker.leave(here);
    for (; to_wake > 0; --to_wake) wake_.notify_one();
    job.work(0);
    std::unique_lock<std::mutex> lock(state_);
    job_ = nullptr;  // who has not come by now need not come
    places_ = 0;
    if (working_ > 0) {
      lock.unlock();
      spin_until([this] { return working_ == 0; });
      lock.lock();
    }
    done_.wait(lock, [this] { return working_ == 0; });
    if (job.failure) std::rethrow_exception(job.failure);
    return true;
  }

  bool is_awake() const { return looking_ > 0; }

 private:
  void grow(int workers) {
    while (started_ < workers) {
      try {
        std::thread thread(&Pool::serve, this, started_ + 1);
        workers_.emplace_back(thread.native_handle());
        thread.detach();
      } catch (const std::system_error&) {
        return;  // fewer threads than asked for: slower, not wrong
      }
      ++started_;
    }
  }

  void serve(int thread) {
#ifndef _WIN32
    sigset_t every;  // signals belong to the interpreter's threads
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, nullptr);
#endif
    try {
      throw 0;  // what a thread needs for its first exception is allocated while there is memory
    } catch (int) {
    }
    std::unique_lock<std::mutex> lock(state_);
    for (;;) {
      if (places_ == 0) {
        lock.unlock();
        ++looking_;
        spin_until([this] { return places_ > 0; });
        --looking_;
        lock.lock();
      }
      ++asleep_;
      wake_.wait(lock, [this] { return places_ > 0; });
      --asleep_;
      Job* job = job_;
      const int worker = places_--;  // a place in this job: the pool may have more threads than it
      ++working_;
      workers_[thread - 1].remember();
      lock.unlock();
      job->work(worker);
      lock.lock();
      if (--working_ == 0) done_.notify_one();
    }
  }

  std::mutex callers_, state_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::deque<Place> workers_;  // a worker's own place stays where it is while others are added
  int asleep_ = 0, started_ = 0;
  std::atomic<int> places_{0}, working_{0};  // changed with `state_` held, looked at without
  std::atomic<int> looking_{0};
};

std::atomic<Pool*> pool{nullptr};  // never destroyed: its threads may outlive the interpreter
std::once_flag created;

Pool& the_pool() {
  std::call_once(created, [] {
    pool = new Pool;
#ifndef _WIN32
    // The child has no threads but the forking one, and locks in an unknown state.
    pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
#endif
  });
  return *pool;
}

int from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : 0;
}

int processors() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  int n = int(std::thread::hardware_concurrency());
  return n > 0 ? n : 1;
}

int default_threads() {
  for (const char* name : {"LUCE_NUM_THREADS", "OMP_NUM_THREADS"})
    if (int n = from_environment(name); n > 0) return n < 1024 ? n : 1024;
  return processors();
}

std::atomic<int> threads{0};

}  // namespace

int num_threads() {
  if (threads == 0) threads = default_threads();
  return threads;
}

void set_num_threads(int n) { threads = n; }

bool workers_are_awake() {
  const Pool* const here = pool;
  return here && here->is_awake();
}

void run(int64_t tasks, int threads, const Body& body) {
  if (threads > 1 && tasks > 1 && the_pool().try_run(tasks, body, threads)) return;
  for (int64_t task = 0; task < tasks; ++task) body(task, 0);
}

}  // namespace luce
