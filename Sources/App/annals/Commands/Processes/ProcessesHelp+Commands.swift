import ArgumentParser
import Processes

struct ProcessesRetry: ProcessHelp {
    static let configuration = CommandConfiguration(commandName: "retry", abstract: "Try the step that fails again now.")
    static let request = ProcessRequest.retry

    @OptionGroup var target: ProcessTarget
}

struct ProcessesSkip: ProcessHelp {
    static let configuration = CommandConfiguration(commandName: "skip", abstract: "Count the step that fails as done.")
    static let request = ProcessRequest.skip

    @OptionGroup var target: ProcessTarget
}

struct ProcessesCompensate: ProcessHelp {
    static let configuration = CommandConfiguration(commandName: "compensate", abstract: "Undo what was done, the last step first.")
    static let request = ProcessRequest.compensate

    @OptionGroup var target: ProcessTarget
}

struct ProcessesCancel: ProcessHelp {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "End a process, and undo what was done.")
    static let request = ProcessRequest.cancel

    @OptionGroup var target: ProcessTarget
}
