// matchit with the keys of bench/router/workload.cc: host and path joined to one path, prefixes as
// "/{*rest}". Which conditions a rule has, which of several rules wins, and what changes cost is not in it.
//
//   router-matchit LOOKUP SIZE SECONDS   prints one JSON object
//   LOOKUP: exact_hosts unknown_hosts paths_of_one_host
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;
static IN_USE: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        System.dealloc(memory, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}
extern "C" {
    fn clock_gettime(clock: i32, time: *mut TimeSpec) -> i32;
}

// CPU time of this process, in nanoseconds, as Google Benchmark takes it.
fn cpu_time() -> f64 {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2; // Linux
    let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
    assert_eq!(unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) }, 0);
    time.seconds as f64 * 1e9 + time.nanoseconds as f64
}

fn host_of(i: usize) -> String {
    format!("app-{i}.example.com")
}

fn path_of(i: usize) -> String {
    format!("/team-{}/service-{}/api", i % 100, i / 100)
}

// In random order: Fisher and Yates with splitmix64.
fn shuffled(size: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..size).collect();
    let mut state: u64 = 1;
    for i in (1..size).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        order.swap(i, ((z ^ (z >> 31)) % (i as u64 + 1)) as usize);
    }
    order
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let lookup = arguments[1].as_str();
    let size: usize = arguments[2].parse().expect("a size");
    let seconds: f64 = arguments[3].parse().expect("seconds");

    let route = |i: usize| match lookup {
        "paths_of_one_host" => format!("/example.com{}/{{*rest}}", path_of(i)),
        _ => format!("/{}/app/{{*rest}}", host_of(i)),
    };
    let request = |i: usize| match lookup {
        "exact_hosts" => format!("/{}/app/items/1", host_of(i)),
        "unknown_hosts" => format!("/{}/app/items/1", host_of(size + i)),
        "paths_of_one_host" => format!("/example.com{}/items/1", path_of(i)),
        _ => panic!("no such lookup: {lookup}"),
    };
    let routes: Vec<String> = (0..size).map(route).collect();
    let requests: Vec<String> = shuffled(size).into_iter().map(request).collect();

    let before = IN_USE.load(Ordering::Relaxed);
    let start = cpu_time();
    let mut router = matchit::Router::new();
    for (i, route) in routes.into_iter().enumerate() {
        router.insert(route, i).expect("no conflict");
    }
    let build = cpu_time() - start;
    let bytes = IN_USE.load(Ordering::Relaxed).saturating_sub(before);

    let start = cpu_time();
    let mut count: u64 = 0;
    let mut next = 0;
    let mut found: u64 = 0;
    while cpu_time() - start < seconds * 1e9 {
        for _ in 0..4096 {
            found += u64::from(black_box(router.at(black_box(&requests[next]))).is_ok());
            next = if next + 1 == size { 0 } else { next + 1 };
        }
        count += 4096;
    }
    let nanoseconds = (cpu_time() - start) / count as f64;
    assert_eq!(found, if lookup == "unknown_hosts" { 0 } else { count });
    println!(
        "{{\"nanoseconds\": {nanoseconds:.1}, \"build_ms\": {:.2}, \"bytes\": {:.0}}}",
        build / 1e6,
        bytes as f64 / size as f64
    );
}
