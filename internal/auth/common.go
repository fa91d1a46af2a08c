package auth

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxAffix is how many digits and signs before and after a common password do not make it another one.
	maxAffix = 6

	// fewCharacters is how many different characters a password needs.
	fewCharacters = 5

	// fewBesideName is how many characters a password needs beside the words that anyone would try here.
	fewBesideName = 5
)

// saysName reports whether a password is little more than the user name or the program's.
func saysName(name, password string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), isAffix)
	for _, form := range spellings(password) {
		for _, word := range append(words, strings.ToLower(name), "dlqdesk") {
			if utf8.RuneCountInString(word) < 3 {
				continue // it is in many words
			}
			bare := strings.ReplaceAll(form, word, "")
			if bare != form && utf8.RuneCountInString(bare) < fewBesideName {
				return true
			}
		}
	}
	return false
}

// isCommon reports whether a password is among the first that a guesser tries: one of the list, whatever the case,
// with signs in place of some of a-z, with a few digits or signs around it, or several times. Example: P4ssw0rd2024! is
// password.
func (a *Auth) isCommon(password string) bool {
	characters := map[rune]bool{}
	for _, r := range password {
		characters[r] = true
	}
	if len(characters) < fewCharacters {
		return true
	}
	for _, form := range spellings(password) {
		if a.listed(form) || a.listed(stem(form)) || a.listed(once(form)) || a.listed(once(stem(form))) {
			return true
		}
	}
	return false
}

// listed reports whether a text is in the list of common passwords.
func (a *Auth) listed(text string) bool {
	return text != "" && !strings.Contains(text, "\n") && strings.Contains(a.common, "\n"+text+"\n")
}

// spellings returns a password in lower case, and as it reads if digits and signs stand for some of a-z.
func spellings(password string) []string {
	lower := strings.ToLower(password)
	return slices.Compact([]string{
		lower,
		strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").
			Replace(lower),
		strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s").
			Replace(lower),
	})
}

func isAffix(r rune) bool { return !unicode.In(r, unicode.L) }

// stem returns a text without the digits and signs around it; "" if these are more than a few.
func stem(text string) string {
	word := strings.TrimFunc(text, isAffix)
	if utf8.RuneCountInString(text)-utf8.RuneCountInString(word) > maxAffix {
		return ""
	}
	return word
}

// once returns the part that a text repeats; "" if it repeats none.
func once(text string) string {
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && strings.Repeat(text[:n], len(text)/n) == text {
			return text[:n]
		}
	}
	return ""
}
