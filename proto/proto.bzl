"""C++ from .proto files with the protoc and the gRPC plugin of the system."""

# Where Debian keeps the well-known protos of Google and of gRPC.
_SYSTEM_ROOTS = [
    "/usr/include",
    "/usr/share/grpc-proto",
    "/usr/share/gocode/src/github.com/gogo/googleapis",
]

def _generate(name, paths, inputs, suffix, flags, deps, visibility):
    bases = [path[:-len(".proto")] + suffix for path in paths]
    headers = [base + ".h" for base in bases]
    sources = [base + ".cc" for base in bases]
    roots = (["proto"] if inputs else []) + _SYSTEM_ROOTS
    native.genrule(
        name = name + "_gen",
        srcs = inputs,
        outs = headers + sources,
        cmd = " ".join(["/usr/bin/protoc"] + ["-I" + root for root in roots] + flags + paths),
        visibility = ["//visibility:private"],
    )
    native.cc_library(
        name = name,
        srcs = sources,
        hdrs = headers,
        includes = ["."],
        visibility = visibility,
        deps = deps,
    )

def cofactor_proto(name, srcs, imports = [], deps = [], visibility = None):
    """Messages of protos of ours. imports: other protos of ours that srcs import."""
    _generate(
        name,
        srcs,
        srcs + imports,
        ".pb",
        ["--cpp_out=$(RULEDIR)"],
        deps + ["//third_party:protobuf"],
        visibility,
    )

def cofactor_grpc(name, srcs, imports = [], deps = [], visibility = None):
    """Services of protos of ours. deps: the targets of their messages."""
    _generate(
        name,
        srcs,
        srcs + imports,
        ".grpc.pb",
        ["--grpc_out=$(RULEDIR)", "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin"],
        deps + ["//third_party:grpc"],
        visibility,
    )

def system_proto(name, paths, deps = [], visibility = None):
    """Messages of protos that the system has, named by their import paths."""
    _generate(
        name,
        paths,
        [],
        ".pb",
        ["--cpp_out=$(RULEDIR)"],
        deps + ["//third_party:protobuf"],
        visibility,
    )
