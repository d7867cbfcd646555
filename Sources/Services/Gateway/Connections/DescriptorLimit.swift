import Glibc

/// How many descriptors the process may have open.
struct DescriptorLimit: Equatable {
    let descriptors: Int

    /// Raises the process's own limit to what its user may have, as servers do: the lower one is for programs that use `select`.
    static func raised() -> DescriptorLimit {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return DescriptorLimit(descriptors: 1024) }
        if limit.rlim_cur < limit.rlim_max {
            var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return DescriptorLimit(descriptors: Int(clamping: limit.rlim_cur))
    }

    /// The connections for which there are descriptors. 256 are left for databases and files, or half where there are few.
    var connections: Int { max(descriptors / 2, descriptors - 256) }
}
