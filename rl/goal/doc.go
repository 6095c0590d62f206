// Package goal learns for the reward of a classifier of success: is this state one in which the task is done?
package goal
