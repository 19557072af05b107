# Sets cur, prev, words and cword from the line that is completed. Words that
# bash took apart at : and = (addresses, flags with a value) are whole again.
__isame-ctl_words() {
    local i word line=$COMP_LINE rest glued=0
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        rest=${line#"${line%%[![:space:]]*}"}
        if ((i > 0 && glued)) || { ((i > 1)) && [[ $word == [:=]* && $rest == "$line" ]]; }; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${rest#"$word"}
        glued=0
        if [[ $word == *[:=] && $line != [[:space:]]* ]]; then
            glued=1
        fi
        if ((i == COMP_CWORD)); then
            cword=$((${#words[@]} - 1))
        fi
    done
    cur=${words[cword]}
    prev=${words[cword > 0 ? cword - 1 : 0]}
}

