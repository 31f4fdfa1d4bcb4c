// load IP:PORT [options]: asks a proxy for the backend's answers and prints what came back, as one line of
// JSON. The usage text in load_options.cc lists what it can vary.

#include <unistd.h>

#include <csignal>

#include "bench/proxy/generator.h"
#include "bench/proxy/load_options.h"
#include "bench/proxy/load_report.h"
#include "bench/proxy/sockets.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const bench::LoadOptions options = bench::read_load_options(argc, argv);
  bench::raise_file_limit();
  bench::Generator generator(options);
  if (!options.has_new_connections) generator.warm_up();
  if (!options.is_idle) generator.run();
  bench::print_json(generator.report());
  char end = 0;
  if (options.is_idle && read(STDIN_FILENO, &end, 1) < 0) bench::die("stdin");
}
