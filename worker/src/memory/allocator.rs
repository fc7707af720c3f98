//! The allocator of every program that has a worker in it, librdkafka's share included.
//!
//! What the network threads allocate, the reading thread frees: glibc answers that with an arena for each thread that
//! never shrinks, three times what is in use. How jemalloc is set up is in `.cargo/config.toml`.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
