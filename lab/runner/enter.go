package runner

import (
	"os/exec"
	"path/filepath"
)

// enter is a command in the namespaces of a process, given by the folder that has
// them, and of a user namespace, if there is one to go through.
func enter(namespaces, user string, command []string) *exec.Cmd {
	args := []string{}
	if user != "" {
		// Who we are is root in there; it may not become anybody else.
		args = append(args, "--user="+user, "--preserve-credentials")
	}
	for flag, name := range map[string]string{"--mount": "mnt", "--pid": "pid", "--net": "net", "--uts": "uts", "--ipc": "ipc"} {
		args = append(args, flag+"="+filepath.Join(namespaces, name))
	}
	// Where this machine's root is a folder (chroot), that of the mounts is another.
	root := filepath.Join(filepath.Dir(namespaces), "root")
	args = append(args, "--root="+root, "--wd="+root)
	// nsenter waits for the command as its child: who kills the one means the other.
	args = append(args, "--", "setpriv", "--pdeathsig", "TERM", "--")
	return exec.Command("nsenter", append(args, command...)...)
}
