# syntax=docker/dockerfile:1
# One small image for all of Tidemill: the operator, the workers and the command line.
#
#   docker build -t tidemill:0.1.0 .
#
# The same sources give the same programs: versions are locked, paths are not in them, and time is that of the last commit
# if SOURCE_DATE_EPOCH says so (docker build --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) ...). Relocations are
# packed: unpacked, the loader reads three megabytes of them at every start, and they stay in memory.
ARG RUST=1.95
ARG DEBIAN=bookworm

FROM rust:${RUST}-slim-${DEBIAN} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends pkg-config g++ make binutils libssl-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    CARGO_INCREMENTAL=0 \
    RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo -Clink-arg=-Wl,-z,pack-relative-relocs"
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p tidemill-cli -p tidemill-worker --bins \
    && cargo build --profile operator --locked -p tidemill-operator --bins \
    && cp target/operator/tidemill-operator target/release/ \
    && image/rootfs.sh target/release /rootfs \
    && find /rootfs -exec touch --no-dereference --date=@${SOURCE_DATE_EPOCH} {} +

# What the tests make of this is the same: image/rootfs.sh and what is said from here on.
FROM scratch
COPY --from=build /rootfs /
ENV PATH=/usr/local/bin
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/tidemill"]
