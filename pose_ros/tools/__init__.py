# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Offline verbs of the command `pose_ros`, a file each; never imported by core or ros.

Beside them only what several verbs share: `report` (how each ends), `settings` (`--set`) and
`pipeline` (the nodes, run and recorded). What a verb consists of is in the folder of its subject.
"""
