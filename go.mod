module github.com/kopilka/kopilka

go 1.26
