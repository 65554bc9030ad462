"""WHEN: the run of a graph at set times, by what a machine or a cluster has for that.

A `Task` is a graph's command and the `Calendar` that says when; `systemd`, `cron` and `kuberay`
write it down, `places` puts it where it counts and takes away what flowbackup has put there; `due`
asks when it will be.  No I/O but in these two.
"""
