"""What people see of what they have done: mentors' statistics, leaderboards, students' dashboards and progress."""
