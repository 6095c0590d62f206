# The notebooks in a container:
#
#   docker build -t rewardlab .
#   docker run --rm -p 127.0.0.1:8888:8888 -v rewardlab-cache:/home/reader/.cache/rewardlab rewardlab
#
# and open the address it prints, token and all. The volume keeps the datasets between runs; they are downloaded by whoever
# runs the container and are not part of the image. The image holds the CPU engine.
FROM golang:1.26-bookworm

# gcc, git and curl are in the Go image; Python is not.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 reader
USER reader
ENV HOME=/home/reader GOPATH=/home/reader/go GOFLAGS=-buildvcs=false
WORKDIR /home/reader/rewardlab

# The modules change less often than the code: this layer outlives most edits.
COPY --chown=reader:reader go.mod go.sum ./
RUN go mod download github.com/gomlx/gomlx github.com/gomlx/go-xla gonum.org/v1/plot github.com/janpfeifer/gonb

COPY --chown=reader:reader . .
# Everything the first start would do: Python packages, kernel, compiled packages, the engine's plugin.
RUN go build -o /home/reader/notebooks-launcher ./notebooks && /home/reader/notebooks-launcher setup

EXPOSE 8888
# A program of its own and not "go run": that would not pass on the signal by which Docker stops a container.
CMD ["/home/reader/notebooks-launcher", "-no-browser", "-ip", "0.0.0.0", "-port", "8888"]
